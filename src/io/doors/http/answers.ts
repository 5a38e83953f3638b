/** Answers of the HTTP server itself, in the catalogue's words. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { catalogue, type SluiceError } from '../../../core/errors.ts';

/** Headers of every answer; a route may override them. There are no CORS headers: pages of other origins read nothing. */
export function secure(response: ServerResponse, isTls: boolean): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  if (isTls) response.setHeader('Strict-Transport-Security', 'max-age=31536000');
}

export function answerJson(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  // What is left of the body is not worth reading.
  if (hasUnreadBody(request)) response.shouldKeepAlive = false;
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

export function answerError(request: IncomingMessage, response: ServerResponse, error: SluiceError): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  answerJson(request, response, error.status, { errors: [error.toPublic()] }, retryHeaders(error));
}

/** On a socket that has no response: refused upgrades, and what is no HTTP. */
export function answerRaw(socket: Duplex, status: number, error: SluiceError): void {
  if (socket.destroyed || !socket.writable) return void socket.destroy();
  const body = JSON.stringify({ errors: [error.toPublic()] });
  const headers = Object.entries(retryHeaders(error)).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => {});
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${headers.join('')}Connection: close\r\n\r\n${body}`,
  );
}

function retryHeaders(error: SluiceError): Record<string, string> {
  if (catalogue[error.code].retry === 'changed') return {};
  return { 'Retry-After': String(Math.max(1, Math.ceil((error.details.retryAfterMs ?? 1_000) / 1_000))) };
}

/** `complete` alone is false for a request without a body too, as long as its handler runs at once. */
function hasUnreadBody({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0);
}
