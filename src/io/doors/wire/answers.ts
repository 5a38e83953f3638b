/** Answers of HTTP in the catalogue's words, and refusals that HTTP has a status of its own for. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { catalogue, SluiceError } from '../../../core/errors.ts';

/** BAD_REQUEST with a status that the catalogue does not have: 405, 406, 413, 415, 501. */
export class HttpRefusal extends SluiceError {
  readonly #status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super('BAD_REQUEST', message);
    this.#status = status;
    this.headers = headers;
  }

  override get status(): number {
    return this.#status;
  }
}

export function answerText(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string | Buffer,
  headers: Readonly<Record<string, string>>,
): void {
  // What is left of the body is not worth reading.
  if (hasUnreadBody(request)) response.shouldKeepAlive = false;
  response.writeHead(status, { 'Content-Length': Buffer.byteLength(text), 'Cache-Control': 'no-store', ...headers });
  response.end(request.method === 'HEAD' ? undefined : text);
}

export function answerJson(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  answerText(request, response, status, JSON.stringify(body), {
    'Content-Type': 'application/json; charset=utf-8',
    ...headers,
  });
}

/** On a socket that has no response: refused upgrades, and what is no HTTP. */
export function answerRaw(socket: Duplex, status: number, error: SluiceError): void {
  if (socket.destroyed || !socket.writable) return void socket.destroy();
  const body = JSON.stringify({ errors: [error.toPublic()] });
  const headers = Object.entries(errorHeaders(error)).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => {});
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${headers.join('')}Connection: close\r\n\r\n${body}`,
  );
}

/** When to come again, and how to say who one is. */
export function errorHeaders(error: SluiceError): Record<string, string> {
  return {
    ...(catalogue[error.code].retry === 'changed' ? {} : { 'Retry-After': String(retrySeconds(error)) }),
    ...(error.status === 401 ? { 'WWW-Authenticate': 'Bearer realm="sluice"' } : {}),
    ...(error instanceof HttpRefusal ? error.headers : {}),
  };
}

function retrySeconds(error: SluiceError): number {
  return Math.max(1, Math.ceil((error.details.retryAfterMs ?? 1_000) / 1_000));
}

/** A close reason that fits a close frame's 123 bytes. */
export function closeReason(error: SluiceError): string {
  const text = `${error.code}: ${error.message}`;
  return Buffer.byteLength(text) <= 123 ? text : error.code;
}

/** `complete` alone is false for a request without a body too, as long as its handler runs at once. */
export function hasUnreadBody({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);
}
