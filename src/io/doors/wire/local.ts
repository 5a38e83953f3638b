/** Who sits at this machine. */
import type { IncomingMessage } from 'node:http';

/** From this machine, and asked for by a name of this machine: a foreign page that had its own name point here learns nothing. */
export function isLocal(request: IncomingMessage): boolean {
  const address = request.socket.remoteAddress ?? '';
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  return /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address) && ['localhost', '127.0.0.1', '[::1]'].includes(host);
}
