/** Whether the load client sees what it is there to see: a server that does everything wrong once. */
import { WebSocketServer } from 'ws';
import { LoadClient } from './client.ts';
import { trade } from './trades.ts';

/** Throws unless the client tells each planted fault. Run before figures that rest on it. */
export async function proveClient(): Promise<void> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    socket.on('message', (bytes) => {
      const { type, id } = JSON.parse(String(bytes)) as { readonly type: string; readonly id: string };
      if (type === 'connection_init') return socket.send('{"type":"connection_ack"}');
      const next = (of: string, sequence: number): string =>
        `{"id":"${of}","type":"next","payload":{"data":{"trades":${trade(7, sequence, process.hrtime.bigint() - 5_000_000n)}}}}`;
      socket.send(`{"type":"pong","payload":{"sluice":{"ready":{"${id}":"cursor"}}}}`);
      for (const sequence of [1, 2, 2, 5]) socket.send(next(id, sequence));
      socket.send(next(id.replace('0b1e', 'ffff'), 6));
      socket.send(next(id, 6).slice(0, -2));
      socket.send(next(id, 7).slice(0, 60), { fin: false });
      socket.send('and the rest');
      socket.send(`{"id":"${id}","type":"error","payload":[]}`);
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { readonly port: number };
  const all = { from: 0, to: 1 };
  try {
    const options = { port, connections: 1, query: 'subscription { trades }', placed: 'ready', silent: true } as const;
    await using client = await LoadClient.connect(options, { verify: all, latency: all });
    const seen = await client.received({ frames: 6, ms: 5_000 });
    while ((await client.stat()).errors === 0);
    const { errors, torn, p50 } = await client.stat();
    const planted = { frames: 6, gaps: 2, duplicates: 1, wrong: 1 };
    const isSeen = Object.entries(planted).every(([what, count]) => seen[what as keyof typeof planted] === count);
    // One message cut short, one frame without its end, one without its beginning.
    if (!isSeen || torn !== 3 || errors !== 1 || p50 < 5_000 || p50 > 5_000_000) {
      throw new Error(`the load client is blind: ${JSON.stringify(seen)}, ${torn} torn, ${errors} errors`);
    }
  } finally {
    for (const socket of server.clients) socket.terminate();
    server.close();
  }
}
