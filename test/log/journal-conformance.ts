import { describe, expect, onTestFinished, test } from 'vitest';

import {
  type Following,
  type Journal,
  type JournalRecord,
  type JournalTopic,
  LogError,
} from '../../src/core/log/index.ts';
import { Waiting } from './recorder.ts';

/** Fresh storage for state topics: another prefix, or another file. */
export interface JournalStorage extends AsyncDisposable {
  /** The monotonic clock that the journals were given. */
  readonly clock: () => number;
  /** A journal of the given topics on this storage, as one more process would have it. The suite disposes it. */
  readonly journal: () => Promise<Journal>;
  /** Deletes the state topic and creates it anew, empty. */
  readonly recreate: (topic: JournalTopic) => Promise<void>;
}

const things: JournalTopic = { name: 'things', cleanup: 'compact' };
const audit: JournalTopic = { name: 'audit', cleanup: 'delete', retentionMs: 86_400_000 };

/** Holds an adapter to each sentence of the comments of core/log/journal.ts. */
export function journalConformance(
  title: string,
  open: (topics: readonly JournalTopic[]) => Promise<JournalStorage>,
): void {
  describe(`${title} is a journal`, () => {
    const storage = async (): Promise<JournalStorage> => {
      const opened = await open([things, audit]);
      onTestFinished(() => opened[Symbol.asyncDispose]());
      return opened;
    };

    const member = async (on: JournalStorage): Promise<Member> => {
      const journal = await on.journal();
      onTestFinished(() => journal[Symbol.asyncDispose]());
      return Member.follow(journal);
    };

    test('following an empty journal creates its topics and resolves with nothing applied', async () => {
      const on = await storage();
      const one = await member(on);
      expect(one.applied).toEqual([]);
      const two = await member(on);
      expect(two.applied).toEqual([]);
    });

    test('what a transaction writes is applied when it resolves, with its answer', async () => {
      const one = await member(await storage());
      const before = Date.now();
      const answer = await one.write(
        [
          ['things', 'a', '{"n":1}'],
          ['audit', 'x', '"made a"'],
        ],
        'done',
      );
      expect(answer).toBe('done');
      expect(one.applied.map(({ topic, key, value }) => [topic, key, value]).sort()).toEqual([
        ['audit', 'x', '"made a"'],
        ['things', 'a', '{"n":1}'],
      ]);
      for (const { timestamp } of one.applied) expect(Math.abs(timestamp - before)).toBeLessThan(60_000);
    });

    test('a new following applies everything from the start, in order per topic, once', async () => {
      const on = await storage();
      const one = await member(on);
      for (let n = 0; n < 20; n += 1)
        await one.write([
          ['things', `k${n}`, `${n}`],
          ['audit', `k${n}`, `${n}`],
        ]);
      const two = await member(on);
      expect(two.of('things').map(({ value }) => value)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
      expect(two.of('audit').map(({ value }) => value)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
      expect(two.disorder).toEqual([]);
      expect(two.of('things').map(({ offset }) => offset)).toEqual(one.of('things').map(({ offset }) => offset));
      // Whatever arrives later, nothing comes a second time.
      await one.write([['things', 'last', '20']]);
      await two.until(() => two.state.has('things/last'), 'the last write arrives');
      expect(two.of('things').length).toBe(21);
      expect(two.of('audit').length).toBe(20);
      expect(two.disorder).toEqual([]);
    });

    test('a following goes on applying what others write', async () => {
      const on = await storage();
      const writer = await member(on);
      const reader = await member(on);
      for (let n = 0; n < 10; n += 1) await writer.write([['things', 'k', `${n}`]]);
      await reader.until(() => reader.state.get('things/k') === '9', 'the last write arrives');
      expect(reader.of('things').map(({ value }) => value)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`));
      expect(reader.disorder).toEqual([]);
    });

    test('two followings of one journal each apply each record once', async () => {
      const on = await storage();
      const one = await member(on);
      const two = await Member.follow(one.journal);
      await one.write([['things', 'a', '1']]);
      await two.until(() => two.applied.length > 0, 'the write arrives at the other following');
      await two.write([['things', 'b', '2']]);
      await one.until(() => one.applied.length > 1, 'the write arrives at the first following');
      for (const each of [one, two]) expect(each.of('things').map(({ value }) => value)).toEqual(['1', '2']);
    });

    test('confirmedAt advances at least each second while nothing is written', async () => {
      const on = await storage();
      const one = await member(on);
      let last = one.following.confirmedAt;
      expect(last).toBeLessThanOrEqual(on.clock());
      expect(on.clock() - last).toBeLessThan(2_000);
      for (let round = 0; round < 3; round += 1) {
        const before = last;
        await polled(() => one.following.confirmedAt > before);
        last = one.following.confirmedAt;
        // A second, and what a busy machine adds to any timer.
        expect(last - before).toBeLessThan(2_000);
        expect(last).toBeLessThanOrEqual(on.clock());
      }
    });

    test('decide sees everything that was written before, by whomever', async () => {
      const on = await storage();
      const one = await member(on);
      const two = await member(on);
      for (let n = 0; n < 10; n += 1) {
        const by = n % 2 === 0 ? one : two;
        const seen = await by.journal.transact(by.following, () => ({
          writes: [{ topic: 'things', key: 'n', value: `${n}` }],
          answer: by.state.get('things/n'),
        }));
        expect(seen).toBe(n === 0 ? undefined : `${n - 1}`);
      }
    });

    test('what decide throws is what the transaction rejects with, and nothing is written', async () => {
      const on = await storage();
      const one = await member(on);
      await one.write([['things', 'a', '1']]);
      const reason = new Error('no such application');
      await expect(
        one.journal.transact(one.following, () => {
          throw reason;
        }),
      ).rejects.toBe(reason);
      await one.write([['things', 'b', '2']]);
      const two = await member(on);
      expect(two.applied.map(({ key, value }) => [key, value])).toEqual([
        ['a', '1'],
        ['b', '2'],
      ]);
    });

    test('a transaction that writes nothing answers', async () => {
      const on = await storage();
      const one = await member(on);
      await one.write([['things', 'a', '1']]);
      expect(await one.journal.transact(one.following, () => ({ writes: [], answer: one.state.get('things/a') }))).toBe(
        '1',
      );
      expect((await member(on)).applied.length).toBe(1);
    });

    test('a transaction that writes to a topic that the journal does not have writes nothing', async () => {
      const on = await storage();
      const one = await member(on);
      await expect(
        one.write([
          ['things', 'a', '1'],
          ['nowhere', 'a', '1'],
        ]),
      ).rejects.toBeInstanceOf(Error);
      await one.write([['things', 'b', '2']]);
      expect((await member(on)).applied.map(({ key }) => key)).toEqual(['b']);
    });

    test('all writes of a transaction become visible together', async () => {
      const on = await storage();
      const writer = await member(on);
      const reader = await member(on);
      const rounds = 25;
      const torn: string[] = [];
      const looking = (async () => {
        // Each of these looks is at a committed state, whose two halves must agree.
        for (let seen = ''; seen !== `${rounds - 1}`; ) {
          const [a, b] = await reader.journal.transact(reader.following, () => ({
            writes: [],
            answer: [reader.state.get('things/pair'), reader.state.get('audit/pair')] as const,
          }));
          if (a !== b) torn.push(`${a} beside ${b}`);
          seen = a ?? '';
        }
      })();
      for (let n = 0; n < rounds; n += 1)
        await writer.write([
          ['things', 'pair', `${n}`],
          ['audit', 'pair', `${n}`],
        ]);
      await looking;
      expect(torn).toEqual([]);
    });

    test('two writers at once lose no increment', async () => {
      const on = await storage();
      const members = [await member(on), await member(on)];
      await Promise.all(
        members.map(async (each, who) => {
          for (let n = 0; n < 50; n += 1) {
            await each.journal.transact(each.following, () => ({
              writes: [
                { topic: 'things', key: 'count', value: `${Number(each.state.get('things/count') ?? 0) + 1}` },
                { topic: 'audit', key: `${who}-${n}`, value: '1' },
              ],
              answer: undefined,
            }));
          }
        }),
      );
      const after = await member(on);
      expect(after.state.get('things/count')).toBe('100');
      expect(after.of('audit').length).toBe(100);
      expect(after.of('things').map(({ value }) => value)).toEqual(Array.from({ length: 100 }, (_, n) => `${n + 1}`));
    });

    test('transactions of one journal at once take their turns', async () => {
      const on = await storage();
      const one = await member(on);
      await Promise.all(
        Array.from({ length: 10 }, () =>
          one.journal.transact(one.following, () => ({
            writes: [{ topic: 'things', key: 'count', value: `${Number(one.state.get('things/count') ?? 0) + 1}` }],
            answer: undefined,
          })),
        ),
      );
      expect(one.state.get('things/count')).toBe('10');
      expect(one.disorder).toEqual([]);
    });

    test('null deletes a key, for those who follow and those who come later', async () => {
      const on = await storage();
      const one = await member(on);
      const watching = await member(on);
      await one.write([
        ['things', 'a', '1'],
        ['things', 'b', '2'],
      ]);
      await one.write([['things', 'a', null]]);
      expect(one.state).toEqual(new Map([['things/b', '2']]));
      await watching.until(() => watching.of('things').some(({ value }) => value === null), 'the deletion arrives');
      expect(watching.state).toEqual(one.state);
      expect((await member(on)).state).toEqual(one.state);
    });

    test('text comes back as it was written', async () => {
      const on = await storage();
      const one = await member(on);
      const value = JSON.stringify({ name: 'Zoë 🛫 \u0000"\\', list: Array.from({ length: 2_000 }, (_, n) => n) });
      await one.write([['things', 'größe/🛫', value]]);
      expect((await member(on)).state.get('things/größe/🛫')).toBe(value);
    });

    test('a following that was disposed applies nothing more, and takes part in no transaction', async () => {
      const on = await storage();
      const one = await member(on);
      const two = await member(on);
      await two.following[Symbol.asyncDispose]();
      await one.write([['things', 'a', '1']]);
      const three = await member(on);
      await three.until(() => three.applied.length > 0, 'the write arrives elsewhere');
      await expect(two.journal.transact(two.following, () => ({ writes: [], answer: 1 }))).rejects.toBeInstanceOf(
        LogError,
      );
      expect(two.applied).toEqual([]);
      expect(two.lost).toEqual([]);
    });

    test('a journal that was disposed ends its followings and refuses transactions', async () => {
      const on = await storage();
      const one = await member(on);
      const two = await member(on);
      await two.journal[Symbol.asyncDispose]();
      await one.write([['things', 'a', '1']]);
      await expect(two.write([['things', 'b', '1']])).rejects.toBeInstanceOf(LogError);
      expect(two.applied).toEqual([]);
      expect(two.lost).toEqual([]);
      expect((await member(on)).applied.map(({ key }) => key)).toEqual(['a']);
    });

    test('a state topic that is deleted and created anew ends the following as lost', async () => {
      const on = await storage();
      const one = await member(on);
      await one.write([['things', 'a', '1']]);
      await on.recreate(things);
      await one.until(() => one.lost.length > 0, 'the following is lost');
      expect(one.lost[0]).toBeInstanceOf(LogError);
      expect(one.lost[0]).toMatchObject({ kind: 'RECREATED' });
      await expect(one.write([['things', 'b', '1']])).rejects.toBeInstanceOf(LogError);
      expect(one.lost.length).toBe(1);
    });
  });
}

/** A process of the state: its journal, and what it has built from following it. */
class Member extends Waiting {
  readonly journal: Journal;
  readonly applied: JournalRecord[] = [];
  readonly lost: Error[] = [];
  /** `topic/key` to value. */
  readonly state = new Map<string, string>();
  /** Records that came out of order or twice. */
  readonly disorder: string[] = [];
  #following: Following | undefined;

  private constructor(journal: Journal) {
    super();
    this.journal = journal;
  }

  static async follow(journal: Journal): Promise<Member> {
    const member = new Member(journal);
    const apply = (record: JournalRecord) => member.#apply(record);
    const lost = (error: Error) => {
      member.lost.push(error);
      member.happened();
    };
    member.#following = await journal.follow(apply, lost);
    return member;
  }

  get following(): Following {
    if (this.#following === undefined) throw new Error('not following yet');
    return this.#following;
  }

  of(topic: string): JournalRecord[] {
    return this.applied.filter((record) => record.topic === topic);
  }

  async write(
    writes: readonly (readonly [topic: string, key: string, value: string | null])[],
    answer = '',
  ): Promise<string> {
    return this.journal.transact(this.following, () => ({
      writes: writes.map(([topic, key, value]) => ({ topic, key, value })),
      answer,
    }));
  }

  #apply(record: JournalRecord): void {
    const last = this.of(record.topic).at(-1);
    if (last !== undefined && last.offset >= record.offset)
      this.disorder.push(`${record.topic} ${record.offset} after ${last.offset}`);
    this.applied.push(record);
    const key = `${record.topic}/${record.key}`;
    if (record.value === null) this.state.delete(key);
    else this.state.set(key, record.value);
    this.happened();
  }
}

/** For a value that changes without an event: looks each turn of the timers until it does. */
async function polled(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
