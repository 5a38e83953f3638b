import { once } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { KEY, LIVE, TestDoor } from './door.ts';

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

/** A stock `ws` client: it closes with an error at the first frame that is none. */
class Client {
  readonly ws: WebSocket;
  readonly messages: Message[] = [];
  readonly gone: Promise<number>;
  private wake = (): void => {};

  constructor(door: TestDoor) {
    this.ws = new WebSocket(door.socketUrl, 'graphql-transport-ws');
    this.ws.on('message', (data, isBinary) => {
      expect(isBinary).toBe(false);
      this.messages.push(JSON.parse(String(data)));
      this.wake();
    });
    this.gone = new Promise((resolve, reject) => {
      this.ws.on('error', reject);
      this.ws.on('close', resolve);
    });
    this.gone.catch(() => {});
  }

  async ready(): Promise<this> {
    await once(this.ws, 'open');
    this.send({ type: 'connection_init', payload: { apiKey: KEY } });
    await this.count(1);
    return this;
  }

  send(message: unknown): void {
    this.ws.send(JSON.stringify(message));
  }

  async count(messages: number): Promise<readonly Message[]> {
    while (this.messages.length < messages) {
      await Promise.race([
        new Promise<void>((resolve) => (this.wake = resolve)),
        this.gone.then((code) => Promise.reject(new Error(`closed with ${code}`))),
      ]);
    }
    return this.messages;
  }
}

/** UTF-16 as JSON can say it: halves of pairs, controls and quotes as well. */
const units = (max: number) =>
  fc
    .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff }), fc.nat(0x7f)), {
      minLength: 1,
      maxLength: max,
    })
    .map((codes) => String.fromCharCode(...codes));
const written = (id: string): number => Buffer.byteLength(JSON.stringify(id)) - 2;
const short = fc.oneof(
  units(40),
  fc.constantFrom('"', '\\', '\\"', '\u0000', '\u2028', '\ud83d', '\ude00\ud83d', '😀', '__proto__', '"},{"id":"x'),
  fc.integer({ min: 1, max: 256 }).map((length) => 'i'.repeat(length)),
  fc.integer({ min: 1, max: 42 }).map((count) => '\u0000'.repeat(count)),
);

test('ids of any characters come back as they were in everything that names them, and no frame breaks', async () => {
  await using door = await TestDoor.open();
  const client = await new Client(door).ready();
  let before = 1;
  await fc.assert(
    fc.asyncProperty(
      short.filter((id) => written(id) <= 256),
      fc.boolean(),
      async (id, isEnded) => {
        client.send({ id, type: 'subscribe', payload: { query: LIVE } });
        await client.count(before + 1);
        const placed = await door.way.next();
        await placed.emit(2);
        if (isEnded) placed.subscription.end(null);
        else client.send({ id, type: 'complete' });
        await placed.whenEnded;
        client.send({ type: 'ping' });
        const told = (await client.count(before + (isEnded ? 5 : 4))).slice(before);
        before += told.length;
        expect(Object.keys(((told[0] as Message).payload as { sluice: { ready: object } }).sluice.ready)).toEqual([id]);
        const types = isEnded ? ['next', 'next', 'complete'] : ['next', 'next'];
        expect(told.slice(1, -1).map((message) => [message.type, message.id])).toEqual(types.map((type) => [type, id]));
        expect(told.at(-1)).toEqual({ type: 'pong' });
      },
    ),
    { numRuns: 1_000 },
  );
  client.ws.close();
  expect(await client.gone).toBe(1005);
  expect(door.observe.errors).toEqual([]);
});

test('ids whose JSON is longer than 256 bytes close with 4400, whatever they are made of, and open nothing', async () => {
  await using door = await TestDoor.open();
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        units(200),
        fc.constantFrom('x'.repeat(257), '\ud800'.repeat(43), 'é'.repeat(129), '😀'.repeat(100_000)),
      ),
      async (id) => {
        fc.pre(written(id) > 256);
        const client = await new Client(door).ready();
        client.send({ id, type: 'subscribe', payload: { query: LIVE } });
        expect(await client.gone).toBe(4400);
        expect(client.messages.length).toBe(1);
      },
    ),
    { numRuns: 100 },
  );
  expect(door.way.opened).toBe(0);
  await door.way.until((way) => way.sessions.size === 0);
  expect(door.observe.errors).toEqual([]);
});
