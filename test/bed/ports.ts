/** Free ports and random names, so that test files and whole runs go on side by side. */
import { randomBytes, randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const handedOut = new Set<number>();

/**
 * A free TCP port of 127.0.0.1, below the range that systems give to outgoing connections: a server that is killed and
 * started again finds its port still free.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(15_000, 32_000);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error('no free port found between 15000 and 32000');
}

export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

/** `stem` with a random tail: a Kafka topic, a key prefix, an application that no other test has. */
export const randomName = (stem: string): string => `${stem}-${randomBytes(5).toString('hex')}`;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
