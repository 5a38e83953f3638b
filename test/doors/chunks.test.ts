import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KEY, LIVE, type Placed, TestDoor } from './door.ts';

/** An event stream over a raw socket: the chunks of the answer by the letter of RFC 9112, and the events in them. */
class ChunkReader {
  readonly socket: Socket;
  readonly chunks: string[] = [];
  isOver = false;
  private rest = Buffer.alloc(0);
  private hasHead = false;
  private broken: unknown = null;
  private wake = (): void => {};

  private constructor(door: TestDoor) {
    this.socket = connect(door.port, '127.0.0.1');
    this.socket.on('data', (bytes) => {
      try {
        this.receive(bytes as Buffer);
      } catch (error) {
        this.broken = error;
      }
      this.wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isOver = true;
      this.wake();
    });
    const body = JSON.stringify({ query: LIVE });
    this.socket.write(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
  }

  static async open(door: TestDoor): Promise<{ readonly reader: ChunkReader; readonly placed: Placed }> {
    const { opened } = door.way;
    const reader = new ChunkReader(door);
    await door.way.until((way) => way.opened > opened);
    await reader.until(() => reader.chunks.length > 0);
    return { reader, placed: door.way.placed.at(-1) as Placed };
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.broken !== null) throw this.broken;
      if (this.isOver) throw new Error('over before it held');
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async gone(): Promise<void> {
    while (!this.isOver) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  /** `id:` lines, and the cursors within the data beside them. */
  get events(): readonly { readonly id: string; readonly cursor: string }[] {
    const blocks = this.chunks.join('').split('\n\n');
    return blocks.flatMap((block) => {
      const match = /^event: next\nid: (\S+)\ndata: (.+)$/.exec(block);
      return match === null
        ? []
        : [{ id: match[1] as string, cursor: JSON.parse(match[2] as string).data.flights.cursor }];
    });
  }

  private receive(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes]);
    if (!this.hasHead) {
      const end = this.rest.indexOf('\r\n\r\n');
      if (end === -1) return;
      expect(this.rest.subarray(0, end).toString()).toMatch(/^HTTP\/1\.1 200 (.*\r\n)+Transfer-Encoding: chunked/);
      this.hasHead = true;
      this.rest = this.rest.subarray(end + 4);
    }
    for (;;) {
      const end = this.rest.indexOf('\r\n');
      if (end === -1) return;
      const size = this.rest.subarray(0, end).toString('latin1');
      if (!/^[0-9a-f]{1,8}$/.test(size)) throw new Error(`no chunk size: ${size}`);
      const length = Number.parseInt(size, 16);
      if (this.rest.length < end + 2 + length + 2) return;
      const data = this.rest.subarray(end + 2, end + 2 + length);
      if (this.rest.toString('latin1', end + 2 + length, end + 4 + length) !== '\r\n') throw new Error('no chunk end');
      const text = new TextDecoder('utf-8', { fatal: true }).decode(data);
      // Events are never spread over chunks: whoever reads chunk by chunk sees whole ones.
      if (length > 0 && !text.endsWith('\n\n')) throw new Error('a chunk ends within an event');
      this.chunks.push(text);
      this.rest = this.rest.subarray(end + 4 + length);
    }
  }
}

const ids = (reader: ChunkReader) => reader.events.map(({ id }) => id);
const cursors = (count: number) => Array.from({ length: count }, (_, index) => `c${index + 1}`);

describe('an event stream', () => {
  test('whose reader stalls comes in whole chunks of whole events, in order, the cursor as the id of each', async () => {
    await using door = await TestDoor.open();
    const step = fc.oneof(
      fc.constantFrom('stall' as const, 'read' as const, 'progress' as const),
      fc.record({ events: fc.integer({ min: 1, max: 30 }), bytes: fc.constantFrom(0, 200, 20_000, 70_000) }),
    );
    let held = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const { reader, placed } = await ChunkReader.open(door);
        reader.socket.pause();
        let sent = 0;
        let writing: Promise<unknown> = Promise.resolve();
        for (const next of steps) {
          if (next === 'stall') reader.socket.pause();
          else if (next === 'read') reader.socket.resume();
          else if (next === 'progress') writing = writing.then(() => placed.outlet.progress('p'));
          else {
            sent += next.events;
            writing = writing.then(async () => {
              if ((await placed.emit(next.events, 'é'.repeat(next.bytes / 2))) === 'held') held += 1;
            });
          }
        }
        reader.socket.resume();
        await writing;
        placed.subscription.end(null);
        await reader.until(() => reader.chunks.at(-1) === '');
        expect(reader.events).toEqual(cursors(sent).map((cursor) => ({ id: cursor, cursor })));
        expect(reader.chunks.at(-2)).toBe('event: complete\ndata: \n\n');
        await reader.gone();
      }),
      // The first one is more than lies between the two ends, however slow the machine.
      { numRuns: 26, examples: [[['stall', { events: 30, bytes: 400_000 }]]] },
    );
    expect(held).toBeGreaterThan(0);
    await door.way.until((way) => way.sessions.size === 0);
    expect(door.observe.errors).toEqual([]);
  });

  test('whose reader never reads holds one write and no more, delays nobody, and is cut', async () => {
    await using door = await TestDoor.open({ limits: { probeMs: 20 } });
    const { reader: quick, placed: other } = await ChunkReader.open(door);
    const { reader, placed } = await ChunkReader.open(door);
    reader.socket.pause();
    let outcome = '';
    while (outcome !== 'held') {
      const { bytes, shared } = placed.outlet.envelope.template([JSON.stringify('x'.repeat(60_000))], ['c'], 0);
      outcome = placed.outlet.sink.write(bytes, shared);
      if (outcome === 'taken') await new Promise((resolve) => setImmediate(resolve));
    }
    const { taken } = placed.outlet.sink;
    for (let more = 0; more < 1_000; more++) placed.outlet.progress('more');
    await other.emit(3);
    await quick.until(() => ids(quick).length === 3);
    await placed.whenEnded;
    expect(placed.ended).toBeNull();
    expect(placed.outlet.sink.taken - taken).toBeLessThan(70_000);
    expect(door.way.placed).toEqual([other]);
    reader.socket.destroy();
  });

  test('shares its chunks with all that want the same: one buffer is written to every socket', async () => {
    await using door = await TestDoor.open();
    const first = await ChunkReader.open(door);
    const all = [first];
    while (all.length < 30) all.push(await ChunkReader.open(door));
    const payloads = cursors(50).map((cursor) => JSON.stringify({ data: { flights: { cursor, topic: 'é' } } }));
    const { bytes, shared } = first.placed.outlet.envelope.template(payloads, cursors(50), 0);
    // Nothing of it is anybody's own.
    expect(bytes.length).toBe(0);
    const before = Buffer.from(shared as Buffer);
    for (const { placed } of all) expect(placed.outlet.sink.write(bytes, shared)).toBe('taken');
    expect(shared?.equals(before)).toBe(true);
    for (const { reader } of all) {
      await reader.until(() => reader.events.length === 50);
      expect(ids(reader)).toEqual(cursors(50));
      expect(reader.chunks.length).toBe(2);
      reader.socket.destroy();
    }
  });
});
