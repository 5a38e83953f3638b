/** What a request brings: its body, bounded, and its URL. */
import type { IncomingMessage } from 'node:http';
import { SluiceError } from '../../../core/errors.ts';
import { HttpRefusal } from './answers.ts';

/** Errors: BAD_REQUEST for a compressed body; the same with status 413 beyond `limit` bytes. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (!['identity', undefined].includes(request.headers['content-encoding'])) {
    throw new SluiceError(
      'BAD_REQUEST',
      'Compressed request bodies are not understood: send it without Content-Encoding.',
    );
  }
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > limit) throw new HttpRefusal(413, `The body is longer than ${limit} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export function urlOf(request: IncomingMessage): URL {
  return new URL(request.url as string, 'http://localhost');
}

/** The header's text where it stands there once; null otherwise. */
export function headerOf(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}
