import { describe, expect, test } from 'vitest';
import { LIVE, TestDoor } from './door.ts';
import { bytesHeld } from './garbage.ts';
import { RawSocket } from './raw.ts';

const subscribe = (id: string) => ({ id, type: 'subscribe', payload: { query: LIVE } });
const complete = (id: string) => ({ id, type: 'complete' });

describe('complete and subscribe with one id in one segment', () => {
  test('leave nothing of the first and a second that works, however often; its id is taken until it completes', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    const gone: WeakRef<object>[] = [];
    const rounds = 50;
    raw.send(subscribe('1'));
    // A function, so that nothing of a round is kept by the test itself.
    const again = async (round: number): Promise<void> => {
      const old = await door.way.next();
      gone.push(new WeakRef(old.outlet));
      const { opened } = door.way;
      // Every third round gives up some more before they have been placed.
      const more = round % 3 === 0 ? [complete('1'), subscribe('1'), complete('1'), subscribe('1')] : [];
      raw.send(complete('1'), subscribe('1'), ...more);
      await old.whenEnded;
      await door.way.until((way) => way.opened === opened + 1 + more.length / 2 && way.placed.length === 1);
      await (await door.way.next()).emit(2);
      await raw.until(() => raw.messages.filter(({ type }) => type === 'next').length === 2 * (round + 1));
    };
    for (let round = 0; round < rounds; round++) await again(round);
    expect(raw.messages.filter(({ type }) => type === 'complete' || type === 'error')).toEqual([]);
    const last = await door.way.next();
    raw.send({ type: 'ping' });
    await raw.message(({ type, payload }) => type === 'pong' && payload === undefined);
    await bytesHeld();
    // Not in graphql-ws's map, nor in a handler that waits, nor in the door's list: nobody knows them any more.
    expect(gone.filter((ref) => ref.deref() !== undefined)).toEqual([]);
    raw.send(subscribe('1'));
    expect(await raw.closed()).toBe(4409);
    await last.whenEnded;
    await door.way.until((way) => way.sessions.size === 0);
    expect(door.way.placed).toEqual([]);
    expect(door.observe.errors).toEqual([]);
  });

  test('many ids at once, each given up and taken again in the same segment, end with one live subscription each', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.ready(door);
    const ids = Array.from({ length: 50 }, (_, index) => `${index}`);
    raw.send(...ids.map(subscribe));
    await door.way.until((way) => way.opened === 50);
    raw.send(...ids.flatMap((id) => [complete(id), subscribe(id)]), { type: 'ping' });
    await raw.message(({ type, payload }) => type === 'pong' && payload === undefined);
    await door.way.until((way) => way.opened === 100 && way.placed.length === 50);
    for (const placed of [...door.way.placed]) await placed.emit();
    const next = () => raw.messages.filter(({ type }) => type === 'next');
    await raw.until(() => next().length === 50);
    expect(next().map(({ id }) => id)).toEqual(ids);
    // All hundred places are free but these fifty.
    raw.send(...ids.map((id) => subscribe(`more ${id}`)));
    await door.way.until((way) => way.opened === 150);
    raw.socket.destroy();
    await door.way.until((way) => way.placed.length === 0 && way.sessions.size === 0);
    expect(door.observe.errors).toEqual([]);
  });
});

describe('what is kept of a connection', () => {
  test('does not grow with what its messages are made of: one text of the operation is kept, and nothing beside it', async () => {
    await using door = await TestDoor.open();
    const count = 100;
    const open = async (query: string, beside: object): Promise<RawSocket[]> => {
      const { opened } = door.way;
      const sockets: RawSocket[] = [];
      for (let at = 0; at < count; at++) {
        const raw = await RawSocket.open(door);
        raw.send({ type: 'connection_init', payload: { apiKey: 'a-key-that-is-known', ...beside } });
        raw.send({ id: '1', type: 'subscribe', payload: { query, extensions: beside, ...beside }, ...beside });
        await raw.message(({ type }) => type === 'pong');
        sockets.push(raw);
      }
      expect(door.way.opened).toBe(opened + count);
      return sockets;
    };
    const held = async (query: string, beside: object): Promise<number> => {
      const before = await bytesHeld();
      const sockets = await open(query, beside);
      const bytes = (await bytesHeld()) - before;
      for (const { socket } of sockets) socket.destroy();
      await door.way.until((way) => way.sessions.size === 0 && way.placed.length === 0);
      return bytes / count;
    };
    const long = `# ${'x'.repeat(15_000)}\n${LIVE}`;
    await held(LIVE, {});
    const short = await held(LIVE, {});
    const large = await held(long, { beside: 'y'.repeat(100_000) });
    // Both ends of each socket are in this process. 100 kB and more were sent in four places of each.
    expect(short).toBeLessThan(40_000);
    expect(large - short).toBeLessThan(4_000);
  });
});
