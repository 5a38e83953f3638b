/** Whoever is not let in, or does not let in: why, by which close code, and that nobody else notices. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type DialOptions, dialLink, LinkRefused, refusals } from '../../src/io/link/index.ts';
import { frame, opcodes } from '../doors/raw.ts';
import { clock } from '../routing/stream.ts';
import { challenge, hello, hmac, proof, RawEnd, RawListener, welcome } from './raw.ts';
import { EU, Inbox, Observed, SECRET, Site, US } from './site.ts';

const OTHER = 'a secret that eu and asia share';
const secrets = new Map([
  ['us', [SECRET]],
  ['asia', [OTHER]],
]);

/** A site with a link on it that must notice nothing of what the test does. */
async function withNeighbour(site: Site, disturb: () => Promise<void>): Promise<void> {
  const [here, there] = await site.pair();
  const [inbox, back] = [Inbox.of(here), Inbox.of(there)];
  await disturb();
  there.channel.send([Buffer.from('still')]);
  await inbox.until(() => inbox.messages.length === 1);
  here.channel.send([Buffer.from('here')]);
  await back.until(() => back.messages.length === 1);
  expect([inbox.ends, back.ends]).toEqual([[], []]);
  expect(site.links).toEqual([there]);
  // No secret is ever told.
  expect(JSON.stringify(site.observe.lines)).not.toMatch(/secret that/);
}

type Talk = (end: RawEnd) => Promise<void> | void;
const says =
  (...messages: readonly (Buffer | string)[]): Talk =>
  (end) => {
    for (const message of messages) end.ws.send(message);
  };
/** Says hello, and answers the challenge. */
const answers =
  (answer: (said: Buffer, asked: Buffer) => Buffer, site = 'us'): Talk =>
  async (end) => {
    const said = hello({ site });
    end.ws.send(said);
    end.ws.send(answer(said, await end.next()));
  };
const writes =
  (...bytes: readonly Buffer[]): Talk =>
  (end) => {
    for (const each of bytes) end.socket?.write(each);
  };
const whole = hello();
const patched = (at: number, byte: number): Buffer => Buffer.from(whole.map((old, i) => (i === at ? byte : old)));
const head = (bytes: number): Buffer => {
  const begun = frame(opcodes.binary, Buffer.alloc(70_000)).subarray(0, 14);
  begun.writeBigUInt64BE(BigInt(bytes), 2);
  return begun;
};

describe('a listener refuses who', () => {
  test.each<[string, keyof typeof refusals, Talk]>([
    ['sends a text', 'text', says('hello')],
    ['sends nothing in a message', 'malformed', says(Buffer.alloc(0))],
    ['speaks another protocol', 'malformed', says(patched(1, 0x58))],
    ['begins with another message', 'malformed', says(proof(SECRET, whole, whole))],
    ['sends half a hello', 'malformed', says(whole.subarray(0, -3))],
    ['sends more than a hello', 'malformed', says(Buffer.concat([whole, Buffer.of(0)]))],
    ['sends a hello of its head alone', 'malformed', says(whole.subarray(0, 6))],
    ['has an impossible name', 'malformed', says(hello({ node: '../../etc' }))],
    ['has no name', 'malformed', says(hello({ site: '' }))],
    ['says hello twice', 'malformed', answers((said) => said)],
    ['sends half a proof', 'malformed', answers((said, asked) => proof(SECRET, said, asked).subarray(0, -1))],
    ['speaks another version', 'version', says(patched(5, 2))],
    ['is of an unknown site', 'site', says(hello({ site: 'mars' }))],
    ['has another secret', 'proof', answers((said, asked) => proof('another secret than that', said, asked))],
    ['lies about its site', 'proof', answers((said, asked) => proof(SECRET, said, asked), 'asia')],
    ['has no proof but a certificate, where there is no TLS', 'proof', answers(() => Buffer.of(3, 2))],
    ['proves another hello', 'proof', answers((_, asked) => proof(SECRET, hello(), asked))],
    ['proves another challenge', 'proof', answers((said) => proof(SECRET, said, challenge()))],
    [
      'sends back the proof of a listener',
      'proof',
      answers((said, asked) => Buffer.concat([Buffer.of(3, 1), hmac('listener', SECRET, said, asked)])),
    ],
    ['is the same node', 'loop', says(hello({ site: 'eu', node: 'eu-1' }))],
    ['sends a message of 5,000 bytes', 'too_large', says(Buffer.alloc(5_000))],
    ['announces a message of a gigabyte', 'too_large', writes(head(2 ** 30))],
    ['sends a long message piece by piece', 'too_large', writes(head(50_000_000), Buffer.alloc(5_000))],
    ['sends many short messages', 'malformed', says(...Array.from({ length: 500 }, () => Buffer.alloc(100)))],
    ['sends an unmasked frame', 'frame', writes(frame(opcodes.binary, whole, { isMasked: false }))],
    ['sends a frame of no known kind', 'frame', writes(frame(3, 'x'))],
    ['never finishes', 'late', says(whole)],
    ['never begins', 'late', () => {}],
  ])('%s: %s', async (_, reason, talk) => {
    await using site = await Site.listening({ secrets, limits: { handshakeMs: reason === 'late' ? 300 : 30_000 } });
    await withNeighbour(site, async () => {
      const end = await RawEnd.dial(site.port);
      await talk(end);
      const { code, reason: told } = await end.closed;
      expect(code).toBe(refusals[reason].close);
      if (reason !== 'frame' && !(reason === 'too_large' && told === '')) expect(told.length).toBeGreaterThan(10);
      await site.observe.until(() => site.observe.refused(reason) === 1);
      const line = site.observe.lines.find(({ message }) => message === 'a link was refused');
      expect(line).toMatchObject({ level: 'warn', fields: { reason } });
      expect(line?.fields['address']).toMatch(/^127\.0\.0\.1:\d+$/);
    });
  });

  test('replays what another one has proved', async () => {
    await using site = await Site.listening({ secrets });
    await withNeighbour(site, async () => {
      const first = await RawEnd.dial(site.port);
      const said = hello();
      first.ws.send(said);
      const proved = proof(SECRET, said, await first.next());
      // Overheard: the same hello, and a proof that would have been good there.
      const second = await RawEnd.dial(site.port);
      second.ws.send(said);
      await second.next();
      second.ws.send(proved);
      expect((await second.closed).code).toBe(4401);
      first.ws.terminate();
    });
  });

  test.each<[string, string, string]>([
    ['asks for something else', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', '404'],
    ['asks for the path without a WebSocket', 'GET /v1/link HTTP/1.1\r\nHost: x\r\n\r\n', '426'],
    ['asks for a WebSocket elsewhere', upgrade('/graphql'), '404'],
    ['asks for another subprotocol', upgrade('/v1/link', 'sluice.link.9'), '400'],
    ['asks for none', upgrade('/v1/link', ''), '400'],
    ['has a broken key', upgrade('/v1/link', 'sluice.link.1', 'short'), '400'],
    ['speaks no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', ''],
    ['sends a head without end', `GET /v1/link HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`, ''],
  ])('%s', async (_, request, status) => {
    await using site = await Site.listening({ secrets });
    await withNeighbour(site, async () => {
      const socket = await opened(site.port);
      socket.write(Buffer.from(request, 'latin1'));
      expect(await readAll(socket)).toMatch(status === '' ? /^$/ : new RegExp(`^HTTP/1.1 ${status} `));
      await site.observe.until(() => site.observe.refused('http') === 1);
    });
  });

  test('connects and says nothing at all', async () => {
    await using site = await Site.listening({ secrets, limits: { handshakeMs: 50 } });
    const socket = await opened(site.port);
    expect(await readAll(socket)).toBe('');
    await site.observe.until(() => site.observe.refused('late') === 1);
  });

  test('tries secrets: after ten it is slowed, whatever it tries, and nobody else is', async () => {
    await using site = await Site.listening({ secrets });
    await withNeighbour(site, async () => {
      const guess = async (secret: string): Promise<number> => {
        const end = await RawEnd.dial(site.port, { localAddress: '127.0.0.2' });
        const said = hello();
        end.ws.send(said);
        const asked = await end.next().catch(() => null);
        if (asked !== null) end.ws.send(proof(secret, said, asked));
        return (await end.closed).code;
      };
      for (let i = 0; i < 10; i += 1) expect(await guess(`a wrong secret, number ${i}`)).toBe(4401);
      expect(await guess(SECRET)).toBe(4429);
      expect(site.observe.refused('slowed')).toBe(1);
      // The log does not say each of them.
      const lines = site.observe.lines.filter(({ fields }) => fields['reason'] === 'proof');
      expect([site.observe.refused('proof'), lines.length]).toEqual([10, 1]);
    });
  });

  test('opens many connections: they are bounded, for an address and for all', async () => {
    const limits = { maxUnproved: 5, maxUnprovedPerAddress: 3 };
    await using site = await Site.listening({ secrets, limits });
    await withNeighbour(site, async () => {
      const idle = await Promise.all([1, 2, 3].map(() => opened(site.port, '127.0.0.2')));
      await readAll(await opened(site.port, '127.0.0.2'));
      expect(site.observe.refused('crowded')).toBe(1);
      const others = await Promise.all([3, 4].map((last) => opened(site.port, `127.0.0.${last}`)));
      await readAll(await opened(site.port, '127.0.0.5'));
      expect(site.observe.refused('crowded')).toBe(2);
      for (const socket of [...idle, ...others]) socket.destroy();
      const settled = async (): Promise<boolean> => {
        const end = await RawEnd.proved(site.port, OTHER, { site: 'asia' }, { localAddress: '127.0.0.2' }).catch(
          () => null,
        );
        end?.ws.close();
        return end !== null;
      };
      while (!(await settled()));
      site.links.pop();
    });
  });
});

describe('a dialler refuses who', () => {
  const others: Partial<DialOptions> = {};
  test.each<[string, keyof typeof refusals, (end: RawEnd) => Promise<void>, Partial<DialOptions>]>([
    ['is of another site', 'wrong_peer', speaks(challenge({ site: 'asia' })), others],
    ['is another node', 'wrong_peer', speaks(challenge({ node: 'eu-2' })), { expect: { site: 'eu', node: 'eu-1' } }],
    ['is the same node', 'loop', speaks(challenge({ site: 'us', node: 'us-1' })), { expect: { site: 'us' } }],
    ['speaks another version', 'version', speaks(Buffer.from(challenge().map((b, i) => (i === 5 ? 9 : b)))), others],
    ['sends a text', 'text', speaks('hello'), others],
    ['sends its own hello back', 'malformed', async (end) => end.ws.send(await end.next()), others],
    ['makes its own hello a challenge', 'loop', mirror, { expect: { site: 'us' } }],
    ['sends what is no message', 'malformed', speaks(Buffer.from('\x02SLLK\x01', 'latin1')), others],
    ['sends too much', 'too_large', speaks(Buffer.alloc(100_000)), others],
    ['has another secret', 'proof', challenges((said, asked, proved) => welcome(OTHER, said, asked, proved)), others],
    [
      'sends the proof back',
      'proof',
      challenges((_, __, proved) => Buffer.concat([Buffer.of(4), proved.subarray(1)])),
      others,
    ],
    ['falls back to a certificate', 'proof', challenges(() => Buffer.of(4, 2)), others],
    ['never answers', 'late', async () => {}, { limits: { handshakeMs: 100 } }],
  ])('%s: %s', async (_, reason, talk, options) => {
    const told = Promise.withResolvers<number>();
    await using listener = await RawListener.open(async (end) => {
      void end.closed.then(({ code }) => told.resolve(code));
      await talk(end);
    });
    const observe = new Observed();
    const refused = await dial(listener.address, { observe, ...options }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LinkRefused);
    expect((refused as LinkRefused).reason).toBe(reason);
    expect((refused as LinkRefused).message).not.toMatch(/secret that/);
    expect(await told.promise).toBe(refusals[reason].close);
    expect(observe.refused(reason)).toBe(1);
  });

  test.each<[keyof typeof refusals, RegExp, Partial<DialOptions>]>([
    ['proof', /the other end refused the link: the proof does not fit/, { secret: 'another secret than that' }],
    ['site', /refused the link: a site that is not known here/, { self: { ...US, site: 'mars' } }],
    ['loop', /both ends are the same node/, { self: EU, expect: { site: 'eu' } }],
  ])('is told why it is refused: %s', async (reason, message, options) => {
    await using site = await Site.listening({ secrets });
    const refused = await site.dial(options).catch((error: unknown) => error);
    expect(refused).toMatchObject({ reason, message: expect.stringMatching(message), lasting: true });
  });

  test('takes no links: another service, nobody, one that accepts and is silent', async () => {
    await using _site = await Site.listening({ secrets });
    const silent = await import('node:net').then(({ createServer }) => createServer(() => {}));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    await expect(dial(`127.0.0.1:${port}`, { limits: { handshakeMs: 100 } })).rejects.toMatchObject({
      reason: 'unreachable',
      lasting: false,
    });
    silent.close();
    await expect(dial(`127.0.0.1:${port}`)).rejects.toMatchObject({ reason: 'unreachable' });
  });

  test('is not waited for any more', async () => {
    await using listener = await RawListener.open(async () => {});
    const given = new AbortController();
    const dialled = dial(listener.address, { signal: given.signal });
    setImmediate(() => given.abort(new Error('no more')));
    await expect(dialled).rejects.toThrow('no more');
    expect(() => dial(listener.address, { signal: given.signal })).toThrow('no more');
  });

  test('cannot be named, or has a secret that could be guessed', async () => {
    expect(() => dial('127.0.0.1:1', { secret: 'too short' })).toThrow(/at least 16 bytes/);
    expect(() => dial('127.0.0.1:1', { secret: null })).toThrow(/a secret, or certificates/);
    expect(() => dial('127.0.0.1:1', { self: { ...US, site: 'No Such' } })).toThrow(RangeError);
    await expect(Site.listening({ secrets: new Map([['us', ['short']]]) })).rejects.toThrow(/at least 16 bytes/);
    await expect(Site.listening({ self: { ...EU, node: '' } })).rejects.toThrow(RangeError);
  });
});

test('secrets are changed one end after the other, without a link that is refused', async () => {
  const New = 'the secret that comes after it';
  await using site = await Site.listening({ secrets: new Map([['us', [SECRET, New]]]) });
  for (const secret of [SECRET, New]) {
    const ends = await site.pair({ secret });
    for (const link of ends) Inbox.of(link);
    expect(ends.map(({ peer }) => peer.by)).toEqual(['secret', 'secret']);
  }
  await expect(site.dial({ secret: 'one that was never there' })).rejects.toMatchObject({ reason: 'proof' });
});

function dial(address: string, options: Partial<DialOptions> = {}) {
  const given = { address, self: US, expect: { site: 'eu' }, secret: SECRET, observe: new Observed(), clock };
  return dialLink({ ...given, ...options });
}

function speaks(message: Buffer | string) {
  return async (end: RawEnd): Promise<void> => {
    await end.next();
    end.ws.send(message);
  };
}

function challenges(answer: (said: Buffer, asked: Buffer, proved: Buffer) => Buffer) {
  return async (end: RawEnd): Promise<void> => {
    const said = await end.next();
    const asked = challenge();
    end.ws.send(asked);
    end.ws.send(answer(said, asked, await end.next()));
  };
}

async function mirror(end: RawEnd): Promise<void> {
  const said = await end.next();
  end.ws.send(Buffer.concat([Buffer.of(2), said.subarray(1)]));
}

function upgrade(path: string, protocol = 'sluice.link.1', key = 'AAAAAAAAAAAAAAAAAAAAAA=='): string {
  const lines = [`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket'];
  const more = [`Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13'];
  return [...lines, ...more, ...(protocol === '' ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]), '', ''].join('\r\n');
}

async function opened(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** All that comes until the other end closes. */
async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  if (!socket.closed) await once(socket, 'close');
  return text;
}
