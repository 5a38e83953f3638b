import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { beforeAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { certificate } from './certificate.ts';
import { collect } from './clients.ts';
import { KEY, LIVE, TestDoor } from './door.ts';
import { opcodes, RawSocket } from './raw.ts';

let tls: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-tls-'));
  const { certFile, keyFile } = await certificate(folder);
  tls = { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  await rm(folder, { recursive: true });
});

test('a stock client subscribes over wss', async () => {
  await using door = await TestDoor.open({ tls });
  class Trusting extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol, { rejectUnauthorized: false });
    }
  }
  const client = createClient({
    url: door.socketUrl,
    webSocketImpl: Trusting,
    connectionParams: { apiKey: KEY },
    retryAttempts: 0,
  });
  const events = collect((sink) => client.subscribe({ query: LIVE }, sink));
  await (await door.way.next()).emit(3);
  await events.take(3);
  await client.dispose();
});

test('buffers may be used again after a write, a reader that does not read is held at the high-water mark, and gets all in order', async () => {
  await using door = await TestDoor.open({ tls });
  const slow = await RawSocket.ready(door);
  slow.send({ id: '1', type: 'subscribe', payload: { query: LIVE } });
  const placed = await door.way.next();
  slow.socket.pause();
  const { sink, envelope, id } = placed.outlet;
  let sent = 0;
  let outcome: string;
  do {
    const cursor = `c${++sent}`;
    const payload = JSON.stringify({ data: { flights: { cursor, topic: 'x'.repeat(20_000) } } });
    const { bytes, idSlots, shared } = envelope.template([payload], [cursor], id.length);
    for (const slot of idSlots) id.copy(bytes, slot);
    outcome = sink.write(bytes, shared);
    // What was taken is the writer's again at once.
    if (outcome === 'taken') bytes.fill(0);
  } while (outcome === 'taken');
  expect(outcome).toBe('held');
  const before = sink.taken;
  const drained = new Promise<void>((resolve) => sink.onDrain(resolve));
  // A ping in between is answered between whole frames.
  slow.socket.write(Buffer.of(0x89, 0x80, 0, 0, 0, 0));
  slow.socket.resume();
  await drained;
  expect(sink.taken).toBeGreaterThan(before);
  await slow.until(() => slow.messages.filter(({ type }) => type === 'next').length === sent);
  const seen = slow.messages
    .filter(({ type }) => type === 'next')
    .map(({ payload }) => (payload as { data: { flights: { cursor: string } } }).data.flights.cursor);
  expect(seen).toEqual(Array.from({ length: sent }, (_, index) => `c${index + 1}`));
  await slow.until(() => slow.frames.some(({ opcode }) => opcode === opcodes.pong));
  slow.socket.destroy();
  await placed.whenEnded;
});

test('the high-water mark counts what is corked and what comes in several parts of one tick', async () => {
  await using door = await TestDoor.open({ tls });
  const slow = await RawSocket.ready(door);
  slow.send({ id: '1', type: 'subscribe', payload: { query: LIVE } });
  const { outlet, whenEnded } = await door.way.next();
  const socket = (outlet.sink as unknown as { socket: Socket }).socket;
  let sent = 0;
  const write = (): string => {
    const cursor = `c${++sent}`;
    const payload = JSON.stringify({ data: { flights: { cursor, topic: 'x'.repeat(3_000) } } });
    const { bytes, idSlots } = outlet.envelope.template([payload], [cursor], outlet.id.length);
    for (const slot of idSlots) outlet.id.copy(bytes, slot);
    return outlet.sink.write(bytes);
  };
  for (const isCorked of [true, false]) {
    slow.socket.pause();
    // All within one tick: nothing can have been taken meanwhile, and what is accepted is bounded all the same.
    if (isCorked) socket.cork();
    const before = sent;
    while (write() === 'taken') expect(socket.writableLength).toBeLessThan(65_536);
    expect(socket.writableLength).toBeLessThan(65_536 + 4_000);
    expect(sent - before).toBeGreaterThan(10);
    const drained = new Promise<void>((resolve) => outlet.sink.onDrain(resolve));
    if (isCorked) socket.uncork();
    slow.socket.resume();
    await drained;
    expect(socket.writableLength).toBeLessThan(65_536);
  }
  const next = () => slow.messages.filter(({ type }) => type === 'next');
  await slow.until(() => next().length === sent);
  expect(
    next().map(({ payload }) => (payload as { data: { flights: { cursor: string } } }).data.flights.cursor),
  ).toEqual(Array.from({ length: sent }, (_, index) => `c${index + 1}`));
  slow.socket.destroy();
  await whenEnded;
});

test('event streams and answers go over https, which browsers are told to keep to', async () => {
  await using door = await TestDoor.open({ tls });
  const request = httpsRequest(door.url, {
    method: 'POST',
    rejectUnauthorized: false,
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', 'x-api-key': KEY },
  });
  request.end(JSON.stringify({ query: LIVE }));
  const [response] = await once(request, 'response');
  expect(response.headers['strict-transport-security']).toMatch(/^max-age=/);
  const placed = await door.way.next();
  await placed.emit(2);
  placed.subscription.end(null);
  let text = '';
  for await (const part of response) text += part;
  expect(text).toContain('id: c2\n');
  expect(text.endsWith('event: complete\ndata: \n\n')).toBe(true);
});
