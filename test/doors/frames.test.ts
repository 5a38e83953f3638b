import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { certificate } from './certificate.ts';
import { KEY, LIVE, type Placed, TestDoor } from './door.ts';
import { frame, opcodes, text } from './raw.ts';
import { StrictReader } from './strict.ts';

let tls: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-frames-'));
  const { certFile, keyFile } = await certificate(folder);
  tls = { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  await rm(folder, { recursive: true });
});

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: Record<string, unknown>;
}

/** A client that stalls when it likes; all that it is sent goes through the strict reader. */
class Reader {
  readonly socket: Socket;
  readonly messages: Message[] = [];
  readonly pongs: string[] = [];
  broken: unknown = null;
  private wake = (): void => {};

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  static async open(door: TestDoor): Promise<Reader> {
    const to = { port: door.port, host: '127.0.0.1' };
    const reader = new Reader(door.isTls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to));
    const frames = new StrictReader(({ opcode, payload }) => {
      if (opcode === 'text') reader.messages.push(JSON.parse(payload.toString()));
      else if (opcode === 'pong') reader.pongs.push(payload.toString());
      else throw new Error(`an unexpected ${opcode}`);
    });
    let head = Buffer.alloc(0);
    let isUpgraded = false;
    reader.socket.on('data', (bytes: Buffer) => {
      try {
        if (isUpgraded) frames.push(bytes);
        else {
          head = Buffer.concat([head, bytes]);
          const end = head.indexOf('\r\n\r\n');
          isUpgraded = end !== -1;
          if (isUpgraded) frames.push(head.subarray(end + 4));
        }
      } catch (error) {
        reader.broken ??= error;
      }
      reader.wake();
    });
    reader.socket.on('close', () => {
      reader.broken ??= new Error('closed');
      reader.wake();
    });
    reader.socket.write(
      `GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
    );
    reader.send({ type: 'connection_init', payload: { apiKey: KEY } });
    await reader.until(() => reader.messages.length > 0);
    return reader;
  }

  send(message: unknown): void {
    this.socket.write(text(message));
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.broken !== null) throw this.broken;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  of(type: string): Message[] {
    return this.messages.filter((message) => message.type === type);
  }
}

type Act =
  | { readonly kind: 'stall' | 'read' | 'query' | 'subscribe' | 'settle' }
  | { readonly kind: 'complete' | 'end'; readonly which: number }
  | { readonly kind: 'ping' | 'probe'; readonly filler: number }
  | { readonly kind: 'emit'; readonly which: number; readonly events: number; readonly bytes: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Act>({ kind: 'stall' }) },
  { weight: 1, arbitrary: fc.constant<Act>({ kind: 'read' }) },
  { weight: 2, arbitrary: fc.constantFrom<Act>({ kind: 'query' }, { kind: 'settle' }) },
  { weight: 2, arbitrary: fc.constant<Act>({ kind: 'subscribe' }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('complete' as const, 'end' as const), which: fc.nat(1_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('ping' as const, 'probe' as const), filler: fc.nat(120) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('emit' as const),
      which: fc.nat(1_000),
      events: fc.integer({ min: 1, max: 40 }),
      bytes: fc.constantFrom(0, 90, 130, 3_000, 30_000, 66_000),
    }),
  },
);

/** One subscription as the test has driven it. */
interface Driven {
  readonly id: string;
  readonly placed: Placed;
  sent: number;
  isOver: boolean;
}

/** Does all of it with one connection, then reads on: what has come must be what was sent, whole and in order. */
async function drive(door: TestDoor, acts: readonly Act[]): Promise<{ readonly held: number }> {
  const reader = await Reader.open(door);
  const driven: Driven[] = [];
  let ids = 0;
  let queries = 0;
  let pings = 0;
  const probes: string[] = [];
  let held = 0;
  // One write at a time, as delivery has it: nothing more while the socket holds.
  let writing: Promise<unknown> = Promise.resolve();
  const live = () => driven.filter(({ isOver }) => !isOver);
  const subscribe = async (): Promise<void> => {
    const id = `é${++ids}`;
    const { opened } = door.way;
    reader.send({ id, type: 'subscribe', payload: { query: LIVE } });
    await door.way.until((way) => way.opened > opened);
    driven.push({ id, placed: door.way.placed.at(-1) as Placed, sent: 0, isOver: false });
  };
  reader.socket.pause();
  await subscribe();
  for (const step of acts) {
    if (step.kind === 'stall') reader.socket.pause();
    if (step.kind === 'read') reader.socket.resume();
    if (step.kind === 'settle') await new Promise((resolve) => setImmediate(resolve));
    // Not while it is paused for what is unread: its request would be read only afterwards.
    if (step.kind === 'subscribe' && live().length < 10 && !reader.socket.isPaused()) await subscribe();
    if (step.kind === 'query')
      reader.send({ id: `q${++queries}`, type: 'subscribe', payload: { query: '{ products { name } }' } });
    if (step.kind === 'ping') reader.send({ type: 'ping', payload: { n: ++pings, filler: 'x'.repeat(step.filler) } });
    if (step.kind === 'probe') {
      const payload = `${probes.length} ${'p'.repeat(step.filler)}`.slice(0, 125);
      probes.push(payload);
      reader.socket.write(frame(opcodes.ping, payload));
    }
    if (step.kind === 'complete' || step.kind === 'end') {
      const one = live()[step.which % Math.max(1, live().length)];
      if (one === undefined || live().length === 1) continue;
      one.isOver = true;
      if (step.kind === 'complete') reader.send({ id: one.id, type: 'complete' });
      else writing = writing.then(() => one.placed.subscription.end(null));
    }
    if (step.kind === 'emit') {
      const one = live()[step.which % live().length] as Driven;
      one.sent += step.events;
      writing = writing.then(async () => {
        const outcome = await one.placed.emit(step.events, 'é'.repeat(step.bytes / 2));
        if (outcome === 'held') held += 1;
      });
    }
  }
  reader.socket.resume();
  await writing;
  reader.send({ type: 'ping', payload: { last: true } });
  const control = () => reader.of('pong').map(({ payload }) => payload ?? {});
  await reader.until(() => control().some((payload) => payload['last'] === true));
  const answered = () => reader.of('next').filter(({ id }) => id?.startsWith('q')).length;
  await reader.until(() => answered() === queries && reader.pongs.length === probes.length);
  for (const { id, sent, placed } of driven) {
    const own = reader.messages.filter((message) => message.id === id && message.type === 'next');
    const cursors = own.map(
      ({ payload }) => (payload as { data: { flights: { cursor: string } } }).data.flights.cursor,
    );
    expect(cursors).toEqual(Array.from({ length: sent }, (_, index) => `c${index + 1}`));
    expect(placed.cursor).toBe(`c${sent}`);
    const ready = reader.messages.findIndex(({ payload }) => (payload as Ready)?.sluice?.ready?.[id] !== undefined);
    const first = reader.messages.findIndex((message) => message.id === id);
    expect(ready).toBeGreaterThan(0);
    expect(first === -1 || first > ready).toBe(true);
  }
  expect(control().flatMap((payload) => payload['n'] ?? [])).toEqual(Array.from({ length: pings }, (_, i) => i + 1));
  expect(reader.pongs).toEqual(probes);
  expect(reader.of('error')).toEqual([]);
  expect(reader.broken).toBeNull();
  reader.socket.destroy();
  await door.way.until((way) => way.sessions.size === 0 && way.placed.length === 0);
  return { held };
}

type Ready = { readonly sluice?: { readonly ready?: Record<string, string> } } | undefined;

describe.each(['plain', 'TLS'])('over a %s socket', (kind) => {
  test('whatever a reader does while it stalls, only whole and legal frames come, each event once and in order, each ping and query answered', async () => {
    await using door = await TestDoor.open(kind === 'TLS' ? { tls } : {});
    let held = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 20, maxLength: 120 }), async (acts) => {
        held += (await drive(door, acts)).held;
      }),
      { numRuns: 25 },
    );
    expect(held).toBeGreaterThan(0);
    expect(door.observe.errors).toEqual([]);
  });
});
