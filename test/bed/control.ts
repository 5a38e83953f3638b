/**
 * How test files, each in a process of its own, share one set of servers: the run's main process answers on a socket
 * file, and what is asked for first is started first. Nobody waits for a server that their files do not need.
 */
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { serverFolder } from './guard.ts';
import { type ServerSet, serverSet } from './set.ts';

type Asked = 'kafka-4.1.1' | 'kafka-3.9.1' | 'redis';

/** Serves a set of servers on a socket file; `close` ends them. */
export async function serveBed(): Promise<{ readonly path: string; close(): Promise<void> }> {
  const set = serverSet();
  const path = join(await serverFolder('bed'), 'control');
  const server = createServer((incoming, outgoing) => {
    give(set, incoming.url?.slice(1) as Asked).then(
      (given) => outgoing.end(JSON.stringify(given)),
      (error: Error) => outgoing.writeHead(500).end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await set[Symbol.asyncDispose]();
  };
  return { path, close };
}

/** The set that is served at this socket file. */
export function remoteBed(path: string): Pick<ServerSet, 'kafka' | 'redis'> {
  return {
    kafka: (version = '4.1.1') => ask(path, `kafka-${version}`),
    redis: () => ask(path, 'redis'),
  };
}

async function give(set: ServerSet, asked: Asked): Promise<unknown> {
  if (asked === 'kafka-4.1.1') return set.kafka('4.1.1');
  if (asked === 'kafka-3.9.1') return set.kafka('3.9.1');
  if (asked === 'redis') return set.redis();
  throw new Error(`the bed has no ${String(asked)}`);
}

function ask<T>(socketPath: string, asked: Asked): Promise<T> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: `/${asked}` }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => (answer.statusCode === 200 ? resolve(JSON.parse(text) as T) : reject(new Error(text))));
    });
    sent.on('error', reject);
    sent.end();
  });
}
