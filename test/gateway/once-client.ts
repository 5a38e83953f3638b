/** Publishing under a key, over a connection of its own each time, as from a client that comes again. */
import { request } from 'node:http';
import { TYPE } from './stream-site.ts';

export interface OnceAnswer {
  readonly status: number;
  /** Byte for byte. */
  readonly text: string;
  readonly isReplayed: boolean;
}

export const BATCH = 'application/cloudevents-batch+json';

/** Rejects where no answer came. */
export function publishOnce(
  url: string,
  key: string,
  idempotencyKey: string | readonly string[],
  body: unknown,
  type = BATCH,
): Promise<OnceAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-api-key': key, 'content-type': type, 'idempotency-key': idempotencyKey };
    const sent = request(url, { agent: false, method: 'POST', headers: headers as never }, async (response) => {
      try {
        const parts: Buffer[] = [];
        for await (const part of response) parts.push(part as Buffer);
        const isReplayed = response.headers['idempotency-replayed'] === 'true';
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString(), isReplayed });
      } catch (error) {
        reject(error);
      }
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
}

let ids = 0;

export const cloudEvent = (data: unknown, type = TYPE): Record<string, unknown> => ({
  specversion: '1.0',
  id: `mine-${ids++}`,
  source: '/tests',
  type,
  data,
});
