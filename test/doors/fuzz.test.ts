import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KEY, LIVE, TestDoor } from './door.ts';
import { frame, RawSocket, text } from './raw.ts';

const id = fc.oneof(fc.constantFrom('1', '2', '__proto__', ''), fc.string({ maxLength: 10 }), fc.constant(7));
const query = fc.oneof(
  fc.constantFrom(
    LIVE,
    '{ products { name } }',
    'subscription { flights { nope } }',
    '{',
    'mutation { nope }',
    'fragment F on Query { x }',
  ),
  fc.string({ maxLength: 40 }),
);
const variables = fc.oneof(
  fc.constantFrom(null, undefined, {}, []),
  fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 })),
);
const message = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('subscribe'),
      id,
      payload: fc.record({ query, variables }, { requiredKeys: ['query'] }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('complete'), id }) },
  fc.record({ type: fc.constantFrom('ping', 'pong'), payload: fc.jsonValue({ maxDepth: 1 }) }),
  fc.record({
    type: fc.constantFrom('connection_init', 'connection_ack', 'next', 'error', 'start', 'stop'),
    id,
    payload: fc.jsonValue({ maxDepth: 1 }),
  }),
  fc.jsonValue({ maxDepth: 2 }),
);
const sent = fc.oneof(
  { weight: 6, arbitrary: message.map((value) => text(value)) },
  { weight: 2, arbitrary: fc.string({ maxLength: 50 }).map((value) => text(value)) },
  fc
    .tuple(fc.nat(15), fc.uint8Array({ maxLength: 140 }), fc.boolean(), fc.boolean())
    .map(([opcode, payload, isLast, isMasked]) => frame(opcode, Buffer.from(payload), { isLast, isMasked })),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
);

test('whatever a client sends, authenticated or not, nobody else notices, nothing is logged as our fault, and nothing stays', async () => {
  await using door = await TestDoor.open();
  const neighbour = await RawSocket.ready(door);
  neighbour.send({ id: 'n', type: 'subscribe', payload: { query: LIVE } });
  const live = await door.way.next();
  let rounds = 0;
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(sent, { minLength: 1, maxLength: 12 }), async (isAuthenticated, parts) => {
      const raw = await RawSocket.open(door);
      if (isAuthenticated) raw.send({ type: 'connection_init', payload: { apiKey: KEY } });
      for (const part of parts) raw.socket.write(part);
      raw.socket.end();
      await raw.gone;
      await door.way.until((way) => way.sessions.size === 1 && way.placed.length === 1);
      await live.emit();
      rounds++;
    }),
    { numRuns: 400 },
  );
  await neighbour.until(() => neighbour.messages.filter(({ type }) => type === 'next').length === rounds);
  expect(rounds).toBe(400);
  expect(door.observe.errors).toEqual([]);
});
