/** Frames that no end of ours would send: each ends the link that it came over at most, with a reason, and nothing else. */
import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { createStreamServer, shareTails } from '../../src/core/routing/index.ts';
import { MemorySource } from '../delivery/memory-source.ts';
import { Seeded } from '../gateway/seeded.ts';
import { observe } from '../routing/stream.ts';
import { MemoryChannel } from './memory-channel.ts';
import { hello, RawEnd } from './raw.ts';
import { Inbox, SECRET, Site } from './site.ts';

const OVER_SOCKETS = 3_000;
const ALL = 100_000;

/** `life`: the incarnation of what is served. */
const asksOf = (life: string) => [
  { ask: 'place', product: 'p', origin: { kind: 'latest' } },
  { ask: 'extent', product: 'p' },
  { ask: 'tail', product: 'p', from: { incarnation: life, vector: [0, 0] }, partitions: [0, 1], credit: 1_000 },
  { ask: 'interest', tail: 1, interest: { version: 2, lookups: ['a/*', [['x'], 1]] } },
  { ask: 'range', product: 'p', incarnation: life, partition: 0, from: 0, to: 9, credit: 1_000 },
  { ask: 'append', product: 'p', events: [{ key: null, data: { a: 1 }, traceparent: null }] },
  { ask: 'follow' },
  { ask: 'confirm', following: 1 },
  { ask: 'watch', name: 'contracts' },
];

const HELLO = Buffer.concat([Buffer.of(1), Buffer.from('SLSS'), Buffer.of(1)]);

function numbered(kind: number, ask: number, body: Buffer): Buffer {
  const head = Buffer.of(kind, 0, 0, 0, 0);
  head.writeUInt32BE(ask, 1);
  return Buffer.concat([head, body]);
}

/** A message of the scan stream that may be right. */
function likely(chance: Seeded, asks: readonly unknown[]): Buffer {
  const ask = chance.between(0, 4);
  const kind = chance.between(1, 9);
  if (kind === 1) return HELLO;
  if (kind === 2) return numbered(2, ask, Buffer.from(JSON.stringify(chance.pick(asks))));
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(chance.between(0, 3), 0);
  numbers.writeUInt32BE(chance.between(0, 100_000), 4);
  return numbered(kind, ask, kind === 3 ? numbers : kind === 4 || kind === 9 ? Buffer.alloc(0) : Buffer.from('{}'));
}

/** Bytes changed, cut, doubled, or all of them by chance. */
function spoilt(chance: Seeded, message: Buffer): Buffer {
  const bytes = Buffer.from(message);
  const some = (length: number): Buffer => Buffer.from(Array.from({ length }, () => chance.between(0, 255)));
  switch (chance.between(0, 4)) {
    case 0:
      for (let i = chance.between(1, 4); i > 0 && bytes.length > 0; i -= 1)
        bytes[chance.between(0, bytes.length - 1)] = chance.between(0, 255);
      return bytes;
    case 1:
      return bytes.subarray(0, chance.between(0, bytes.length));
    case 2:
      return Buffer.concat([bytes, some(chance.between(1, 20))]);
    case 3:
      return some(chance.between(0, 80));
    default:
      return bytes;
  }
}

test('100,000 fuzzed frames end nothing but the links that they came over', async () => {
  const seed = randomInt(2 ** 31);
  console.log(`fuzzed frames: seed ${seed}`);
  const chance = new Seeded(seed);
  const log = new MemorySource({ auto: true });
  log.create('p', 2);
  const asks = asksOf(log.incarnation('p'));
  const source = shareTails(log, () => new Promise(setImmediate));
  const server = createStreamServer({ source, standing: {}, observe, wait: () => new Promise(setImmediate) });

  await using site = await Site.listening({ attempts: { allow: () => null, failed() {}, succeeded() {} } });
  const [here, there] = await site.pair();
  const [inbox, back] = [Inbox.of(here), Inbox.of(there)];
  // Before the proof, and after it, over real sockets.
  for (let i = 0; i < OVER_SOCKETS; i += 1) {
    const isProved = chance.chance(0.5);
    const end = isProved ? await RawEnd.proved(site.port, SECRET) : await RawEnd.dial(site.port);
    if (isProved) void server.serve((await site.accepted()).channel);
    end.ws.send(
      isProved ? spoilt(chance, Buffer.concat([Buffer.of(0), likely(chance, asks)])) : spoilt(chance, hello()),
    );
    end.ws.close();
    await end.closed;
  }
  // What comes after that, on a channel each time that ended.
  let channel: MemoryChannel | null = null;
  let ended = 0;
  for (let i = OVER_SOCKETS; i < ALL; i += 1) {
    if (channel === null) {
      const [near, far] = MemoryChannel.pair();
      near.receive({ message() {}, drained() {}, closed: () => {} });
      void server.serve(far).then(() => {
        ended += 1;
        if (channel === near) channel = null;
      });
      near.send([HELLO]);
      channel = near;
    }
    channel.send([spoilt(chance, likely(chance, asks))]);
    await new Promise(setImmediate);
  }
  expect(ended).toBeGreaterThan(100);
  // Those who did nothing have noticed nothing, and are served.
  there.channel.send([Buffer.from('still')]);
  await inbox.until(() => inbox.messages.length === 1);
  expect([inbox.ends, back.ends]).toEqual([[], []]);
  expect(JSON.stringify(site.observe.lines)).not.toContain(SECRET);
});
