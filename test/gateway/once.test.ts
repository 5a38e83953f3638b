/** `Idempotency-Key`: what is published under a key is there once, however often it is sent, and each time the answer is the same. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { randomName } from '../bed/ports.ts';
import { Crew } from './crew.ts';
import type { GatewayProcess } from './node.ts';
import { cloudEvent, type OnceAnswer, publishOnce } from './once-client.ts';
import { recordsOf } from './records.ts';
import { SocketStream } from './stream-client.ts';
import { range, StreamSite, seqs, sorted, type Thing, thing, things } from './stream-site.ts';

const others = { ...things, name: 'others', topic: 'others', type: 'OtherEvent', template: 'others/{region}' };
const STRUCTURED = 'application/cloudevents+json';

let site: StreamSite;
let gateway: GatewayProcess;
let partner: string;
let stranger: string;
/** A key of the test's own. */
let key: string;

beforeAll(async () => {
  site = await StreamSite.open('', [others]);
  gateway = await site.start();
  partner = (await site.site.partner(['things', 'others'])).key;
  stranger = (await site.site.partner(['things'])).key;
});

beforeEach(() => {
  key = randomName('once');
});

afterAll(async () => {
  expect(gateway.lines.filter(({ level }) => level === 'error')).toEqual([]);
  await gateway[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

const url = (query = '', product = 'things'): string => `${gateway.url}/v1/streams/${product}/events${query}`;

/** Sends things under the test's key. */
const send = (
  given: readonly Thing[],
  more: { key?: string; query?: string; app?: string } = {},
): Promise<OnceAnswer> =>
  publishOnce(
    url(more.query),
    more.app ?? partner,
    more.key ?? key,
    given.map((one) => cloudEvent(one)),
  );

const written = async (topic = 'things'): Promise<number[]> =>
  (await recordsOf(site.log, topic)).map(({ value }) => (JSON.parse(`${value}`) as Thing).seq);

/** How often the log holds it. */
const count = async (seq: number, topic?: string): Promise<number> =>
  (await written(topic)).filter((one) => one === seq).length;

const code = ({ text }: OnceAnswer): string => (JSON.parse(text) as { error: { code: string } }).error.code;

describe('what is published under a key', () => {
  test('is there once, and a repetition has the same answer, byte for byte, and says that it is one', async () => {
    const batch = range(100, 150).map((seq) => thing(seq));
    const first = await send(batch);
    expect([first.status, first.isReplayed]).toEqual([201, false]);
    await send([thing(199)], { key: `${key}-other` });
    for (let n = 0; n < 3; n++) expect(await send(batch)).toEqual({ ...first, isReplayed: true });
    const there = (await written()).filter((seq) => seq >= 100 && seq < 200);
    expect(sorted(there)).toEqual([...range(100, 150), 199]);
  });

  test('has cursors that go on right after their events, those of the repetition too', async () => {
    const batch = range(200, 210).map((seq) => thing(seq));
    await send(batch);
    const { events } = JSON.parse((await send(batch)).text) as { events: { cursor: string }[] };
    const after = events[4]?.cursor as string;
    await using stream = await SocketStream.open(`${gateway.url}/v1/streams/things?after=${after}`, {
      'x-api-key': partner,
    });
    expect(sorted(seqs(await stream.take(5)))).toEqual(range(205, 210));
  });

  test('is the same in whatever order its members and under whatever ids and traces it comes again', async () => {
    const { id, seq, region } = thing(300);
    const one = cloudEvent({ id, seq, region });
    const again = { ...cloudEvent({ region, seq, id }), traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
    const first = await publishOnce(url(), partner, key, one, STRUCTURED);
    expect(first.status).toBe(201);
    expect(await publishOnce(url(), partner, key, again, STRUCTURED)).toEqual({ ...first, isReplayed: true });
    expect(await publishOnce(url(), partner, key, [again])).toEqual({ ...first, isReplayed: true });
    expect(await count(300)).toBe(1);
  });

  test('is there once where it is sent many times at once', async () => {
    const batch = range(400, 420).map((seq) => thing(seq));
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(batch)));
    expect(answers.filter(({ isReplayed }) => !isReplayed)).toHaveLength(1);
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(await count(400)).toBe(1);
    expect(await count(419)).toBe(1);
  });

  test('is refused with 422 where the key was that of other events, and nothing of it is written', async () => {
    const first = await send([thing(500)]);
    for (const other of [[thing(501)], [thing(500), thing(501)], [{ ...thing(500), note: 'more' }]]) {
      const refused = await send(other);
      expect([refused.status, code(refused), refused.isReplayed]).toEqual([422, 'BAD_REQUEST', false]);
      expect(refused.text).toContain('Idempotency-Key');
    }
    expect(await count(501)).toBe(0);
    expect(await send([thing(500)])).toEqual({ ...first, isReplayed: true });
  });

  test('is another thing for another application, and for another product', async () => {
    await send([thing(600)]);
    const strangers = await send([thing(600)], { app: stranger });
    expect([strangers.status, strangers.isReplayed]).toEqual([201, false]);
    const ofOthers = await publishOnce(url('', 'others'), partner, key, [
      cloudEvent(thing(600), 'others.OtherEvent.v1'),
    ]);
    expect([ofOthers.status, ofOthers.isReplayed]).toEqual([201, false]);
    expect([await count(600), await count(600, 'others')]).toEqual([2, 1]);
  });

  test('is what is valid of it where that is asked for, and the answer has the refusals again', async () => {
    const batch = [thing(700), { ...thing(701), seq: 'x' as never }, thing(702)];
    const first = await send(batch, { query: '?partial=true' });
    expect(first.status).toBe(207);
    const { events } = JSON.parse(first.text) as { events: { status: number }[] };
    expect(events.map(({ status }) => status)).toEqual([201, 422, 201]);
    expect(await send(batch, { query: '?partial=true' })).toEqual({ ...first, isReplayed: true });
    expect([await count(700), await count(702)]).toEqual([1, 1]);
  });

  test('leaves the key free where it is refused, and where it is nothing', async () => {
    const refused = await send([{ ...thing(800), seq: 'x' as never }]);
    expect([refused.status, code(refused)]).toEqual([422, 'PAYLOAD_INVALID']);
    expect(await send([])).toEqual({ status: 201, text: '{"events":[]}', isReplayed: false });
    expect((await send([thing(800)])).isReplayed).toBe(false);
    expect(await count(800)).toBe(1);
  });

  test('is known after a restart, and after a kill', async () => {
    const batch = range(900, 910).map((seq) => thing(seq));
    const first = await send(batch);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await gateway.stop(signal);
      gateway = await site.start();
      await gateway.shows(partner, ['things']);
      expect(await send(batch)).toEqual({ ...first, isReplayed: true });
    }
    expect(await count(900)).toBe(1);
  });
});

describe('the header', () => {
  test('is a string in quotes or bare, and that is the same key', async () => {
    const first = await send([thing(1_000)]);
    expect(await send([thing(1_000)], { key: `"${key}"` })).toEqual({ ...first, isReplayed: true });
    const odd = String.raw`a"b\c`;
    const escaped = String.raw`"a\"b\\c"`;
    for (const [given, isReplayed] of [
      [escaped, false],
      [escaped, true],
      [`"${'k'.repeat(255)}"`, false],
      ['k'.repeat(255), true],
      ["!#$%&'()*+-./:<=>?@[]^_`{|}~", false],
    ] as const) {
      const answer = await send([thing(1_001)], { key: given });
      expect([given, answer.status, answer.isReplayed]).toEqual([given, 201, isReplayed]);
    }
    expect((await send([thing(1_001)], { key: odd })).status).toBe(400);
  });

  test.each([
    ['is empty', ''],
    ['is an empty string', '""'],
    ['is longer than a key may be', 'k'.repeat(256)],
    ['is a longer string than a key may be', `"${'k'.repeat(256)}"`],
    ['has a space', 'a b'],
    ['has a space within quotes', '"a b"'],
    ['is more than ASCII', 'schl\u00fcssel'],
    ['ends in the middle of a string', '"abc'],
    ['has a quote within', '"a"b"'],
    ['escapes what needs none', String.raw`"a\b"`],
    ['has parameters', '"abc";a=1'],
    ['is a list', 'abc, def'],
    ['is a bare list', 'abc,def'],
    ['stands there twice', ['abc', 'def']],
    ['stands there twice alike', ['abc', 'abc']],
  ])('is refused with 400 by its name where it %s', async (_, given) => {
    const before = (await written()).length;
    const answer = await publishOnce(url(), partner, given, [cloudEvent(thing(1_100))]);
    expect([answer.status, code(answer)]).toEqual([400, 'BAD_REQUEST']);
    expect(answer.text).toContain('Idempotency-Key');
    expect((await written()).length).toBe(before);
  });
});

test('workers know each other’s keys', async () => {
  await using crew = await Crew.start(site.site, 3);
  await crew.shows(partner, ['things']);
  const at = `${crew.gateway.url}/v1/streams/things/events`;
  const keys = Array.from({ length: 30 }, () => randomName('once'));
  const events = keys.map((_, n) => [cloudEvent(thing(2_000 + n))]);
  const rounds = await Promise.all(
    [0, 1, 2, 3].map(() => Promise.all(keys.map((one, n) => publishOnce(at, partner, one, events[n])))),
  );
  for (const n of keys.keys()) {
    const answers = rounds.map((round) => round[n] as OnceAnswer);
    expect(answers.filter(({ isReplayed }) => !isReplayed)).toHaveLength(1);
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  }
  const there = (await written()).filter((seq) => seq >= 2_000);
  expect(sorted(there)).toEqual(range(2_000, 2_030));
});
