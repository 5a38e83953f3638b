/** Two ends of a socket, as two processes of one machine hold them. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function socketPair(): Promise<readonly [Socket, Socket]> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-pair-'));
  const server = createServer();
  server.listen(join(folder, 'socket'));
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const one = connect(join(folder, 'socket'));
  const [other] = (await accepted) as [Socket];
  server.close();
  rmSync(folder, { recursive: true, force: true });
  return [one, other];
}
