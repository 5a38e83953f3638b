/** Links as channels: what every Channel promises, and what only a link does. */
import { describe, expect, test } from 'vitest';
import { MAX_MESSAGE_BYTES } from '../../src/core/routing/index.ts';
import type { Link } from '../../src/io/link/index.ts';
import { type ChannelBench, channelConformance } from './channel-conformance.ts';
import { Line } from './line.ts';
import { noiseOf } from './noise.ts';
import { Inbox, Site, US } from './site.ts';

/** Of a link from end to end, with a line between that can stand still. */
async function bench(from: 'dialler' | 'listener', within: boolean): Promise<ChannelBench> {
  const self = within ? { ...US, site: 'eu' } : US;
  const secret = 'a secret of more than sixteen bytes';
  // It may stand still for long on a busy machine.
  const limits = { pingMs: 60_000 };
  const site = await Site.listening({ secrets: new Map([[self.site, [secret]]]), limits });
  const line = await Line.to(site.port);
  const [here, there] = await site.pair({ address: line.address, self, secret, limits });
  const [one, other] = from === 'dialler' ? [here, there] : [there, here];
  return {
    one: one.channel,
    other: other.channel,
    holdOther: () => line.hold(from === 'dialler' ? 'there' : 'back'),
    async end() {
      await line[Symbol.asyncDispose]();
      await site.close();
    },
  };
}

channelConformance('over a link, from who dialled, compressed', () => bench('dialler', false));
channelConformance('over a link, from who listened, compressed', () => bench('listener', false));
channelConformance('over a link within a site', () => bench('listener', true));

async function closedBy(link: Link): Promise<string | null> {
  return (await link.closed)?.message ?? null;
}

describe('compression', () => {
  test('changes no byte, and spares most of those that repeat', async () => {
    await using site = await Site.listening();
    const events = Buffer.from(
      JSON.stringify(Array.from({ length: 3_000 }, (_, i) => ({ flight: `LH${i}`, delay: 7 }))),
    );
    const messages = [events, noiseOf(50_000, 1), Buffer.alloc(0), Buffer.alloc(1_024, 'a'), Buffer.alloc(1_025, 'a')];
    const sizes: number[] = [];
    for (const compression of [true, false]) {
      const [here, there] = await site.pair({ compression });
      expect([here.peer.compressed, there.peer.compressed]).toEqual([compression, compression]);
      const [inbox, back] = [Inbox.of(here), Inbox.of(there)];
      for (const message of messages) {
        there.channel.send([message.subarray(0, 100), message.subarray(100)]);
        here.channel.send([message]);
      }
      await inbox.until(() => inbox.messages.length === messages.length);
      await back.until(() => back.messages.length === messages.length);
      for (const received of [inbox.messages, back.messages])
        expect(received.map((message, i) => message.equals(messages[i] as Buffer))).toEqual(messages.map(() => true));
      expect(here.receivedBytes).toBe(there.sentBytes);
      sizes.push(here.receivedBytes);
      here.close();
      await here.closed;
    }
    const [packed = 0, plain = 0] = sizes;
    const all = messages.reduce((sum, { length }) => sum + length, 0);
    expect(plain).toBe(all + messages.length);
    expect(packed).toBeLessThan(50_000 + events.length / 4);
  });

  test('is not used within a site, nor where one end does not want it', async () => {
    const self = { ...US, site: 'eu' };
    const secret = 'a secret within the site eu';
    const secrets = new Map([
      ['eu', [secret]],
      ['us', [secret]],
    ]);
    await using site = await Site.listening({ secrets });
    await using plain = await Site.listening({ secrets, compression: false });
    for (const ends of [await site.pair({ self, secret }), await plain.pair({ secret })]) {
      expect(ends.map(({ peer }) => peer.compressed)).toEqual([false, false]);
      for (const link of ends) Inbox.of(link);
    }
  });
});

describe('a link', () => {
  test('knows who is at its ends, its round trip and what went over it', async () => {
    await using site = await Site.listening({ limits: { pingMs: 10 } });
    const [here, there] = await site.pair({ limits: { pingMs: 10 } });
    expect(here.peer).toMatchObject({ site: 'eu', node: 'eu-1', incarnation: 'first', by: 'secret' });
    expect(there.peer).toMatchObject({ site: 'us', node: 'us-1', incarnation: 'first', by: 'secret' });
    expect(here.peer.address).toBe(site.address);
    expect(there.peer.address).toMatch(/^127\.0\.0\.1:\d+$/);
    const [inbox] = [Inbox.of(there), Inbox.of(here)];
    here.channel.send([Buffer.alloc(99)]);
    await inbox.until(() => inbox.messages.length === 1);
    while (here.rttMs === null || there.rttMs === null) await new Promise((resolve) => setImmediate(resolve));
    expect(here.rttMs).toBeGreaterThan(0);
    expect(here.rttMs).toBeLessThan(10_000);
    expect([here.sentBytes, there.receivedBytes]).toEqual([100, 100]);
    expect(site.observe.counts.get('sluice_link_received_bytes_total us')).toBe(100);
    expect(site.observe.counts.get('sluice_link_sent_bytes_total eu')).toBe(100);
  });

  test('hands over what arrived before anybody received, in order, and only then what follows', async () => {
    const accepted = Promise.withResolvers<Link>();
    await using site = await Site.listening({
      accept(link) {
        // With the last message of the handshake, in one segment.
        for (let i = 0; i < 50; i += 1) link.channel.send([Buffer.from([i])]);
        accepted.resolve(link);
      },
    });
    const here = await site.dial();
    const there = await accepted.promise;
    Inbox.of(there);
    for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve));
    const inbox = Inbox.of(here);
    there.channel.send([Buffer.from([50])]);
    expect(inbox.messages).toEqual([]);
    await inbox.until(() => inbox.messages.length === 51);
    expect(inbox.messages.map(([first]) => first)).toEqual(Array.from({ length: 51 }, (_, i) => i));
  });

  test('carries the largest message that there may be', async () => {
    await using site = await Site.listening();
    const [here, there] = await site.pair();
    const inbox = Inbox.of(here);
    const whole = Buffer.alloc(MAX_MESSAGE_BYTES);
    noiseOf(1_000_000, 3).copy(whole, 5_000_000);
    there.channel.send([whole]);
    await inbox.until(() => inbox.messages.length === 1);
    expect(inbox.messages[0]?.equals(whole)).toBe(true);
  });

  test.each(['there', 'back'] as const)(
    'over which nothing goes "%s" any more is closed as silent, by the end that waits',
    async (way) => {
      await using site = await Site.listening({ limits: { pingMs: 20 } });
      await using line = await Line.to(site.port);
      const [here, there] = await site.pair({ address: line.address, limits: { pingMs: 20 } });
      const [ends, others] = [Inbox.of(here), Inbox.of(there)];
      line.hold(way);
      const [waits, other] = way === 'back' ? [here, there] : [there, here];
      expect(await closedBy(waits)).toMatch(/^the link to (eu\/eu-1|us\/us-1) \(127\.0\.0\.1:\d+\) is silent$/);
      // What went on over the other way tells the other end.
      expect(await closedBy(other)).toMatch(/broke off|is silent/);
      await ends.until(() => ends.ends.length === 1);
      await others.until(() => others.ends.length === 1);
    },
  );

  test('over which nothing goes in either direction is closed as silent by both', async () => {
    await using site = await Site.listening({ limits: { pingMs: 20 } });
    await using line = await Line.to(site.port);
    const [here, there] = await site.pair({ address: line.address, limits: { pingMs: 20 } });
    for (const link of [here, there]) Inbox.of(link);
    line.hold('there', 'back');
    expect(await closedBy(here)).toMatch(/is silent$/);
    expect(await closedBy(there)).toMatch(/is silent$/);
  });

  test('that is quiet for long, and answers, stays', async () => {
    await using site = await Site.listening({ limits: { pingMs: 5 } });
    const [here, there] = await site.pair({ limits: { pingMs: 5 } });
    const [inbox, back] = [Inbox.of(here), Inbox.of(there)];
    await new Promise((resolve) => setTimeout(resolve, 300));
    there.channel.send([Buffer.from('still here')]);
    await inbox.until(() => inbox.messages.length === 1);
    expect([inbox.ends, back.ends]).toEqual([[], []]);
  });

  test('that is cut in the middle of a message ends with an error at both ends, and hands over no part of it', async () => {
    await using site = await Site.listening();
    await using line = await Line.to(site.port);
    const [here, there] = await site.pair({ address: line.address });
    const [inbox, back] = [Inbox.of(here), Inbox.of(there)];
    there.channel.send([Buffer.from('whole')]);
    await inbox.until(() => inbox.messages.length === 1);
    line.cutAfter(300_000);
    there.channel.send([noiseOf(1_000_000, 7)]);
    await inbox.until(() => inbox.ends.length === 1);
    await back.until(() => back.ends.length === 1);
    expect(inbox.ends[0]?.message).toMatch(/broke off$/);
    expect(back.ends[0]?.message).toMatch(/broke off$/);
    expect(inbox.messages.map(String)).toEqual(['whole']);
  });

  test('whose other end stands still keeps what is bounded, and is closed beyond the bound', async () => {
    const limits = { pingMs: 60_000, maxUnsentBytes: 4_000_000 };
    await using site = await Site.listening({ limits });
    await using line = await Line.to(site.port);
    const [here, there] = await site.pair({ address: line.address, limits });
    const [, back] = [Inbox.of(here), Inbox.of(there)];
    line.hold('back');
    const before = process.memoryUsage().arrayBuffers;
    const message = noiseOf(100_000, 9);
    let sent = 0;
    for (; sent < 10_000 && back.ends.length === 0; sent += 1) {
      there.channel.send([message]);
      if (sent % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(back.ends[0]?.message).toMatch(/takes too little: \d+ bytes wait to be sent$/);
    expect(sent).toBeLessThan(1_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
  });

  test('ends in order when its listener closes', async () => {
    const site = await Site.listening();
    const [here, there] = await site.pair();
    const [inbox, back] = [Inbox.of(here), Inbox.of(there)];
    await site.close();
    await inbox.until(() => inbox.ends.length === 1);
    expect([inbox.ends, back.ends]).toEqual([[null], [null]]);
    await expect(site.dial()).rejects.toMatchObject({ reason: 'unreachable' });
  });
});
