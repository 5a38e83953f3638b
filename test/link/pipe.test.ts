import { expect, test } from 'vitest';
import { MAX_MESSAGE_BYTES } from '../../src/core/routing/index.ts';
import { createPipeChannel } from '../../src/io/link/index.ts';
import { channelConformance } from './channel-conformance.ts';
import { socketPair } from './pair.ts';

channelConformance('over a socket', async () => {
  const [one, other] = await socketPair();
  return {
    one: createPipeChannel(one),
    other: createPipeChannel(other),
    holdOther() {
      other.pause();
      return () => other.resume();
    },
  };
});

/** A channel whose other end is a socket in the hands of the test. */
async function facing() {
  const [raw, socket] = await socketPair();
  const messages: string[] = [];
  const arrived = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<Error | null>();
  createPipeChannel(socket).receive({
    message: (bytes) => {
      messages.push(Buffer.from(bytes).toString());
      if (messages.length === 3) arrived.resolve();
    },
    drained() {},
    closed: closed.resolve,
  });
  return { raw, messages, arrived: arrived.promise, closed: closed.promise };
}

test('messages that come byte by byte are put together', async () => {
  const { raw, messages, arrived } = await facing();
  const bytes = Buffer.from('\0\0\0\x03abc\0\0\0\0\0\0\0\x02de', 'latin1');
  for (const byte of bytes) {
    raw.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await arrived;
  expect(messages).toEqual(['abc', '', 'de']);
  raw.destroy();
});

test('a message longer than any may be closes the channel before a byte of it is kept', async () => {
  const { raw, closed } = await facing();
  const head = Buffer.alloc(4);
  head.writeUInt32BE(MAX_MESSAGE_BYTES + 1);
  raw.write(head);
  expect((await closed)?.message).toContain(`${MAX_MESSAGE_BYTES + 1} bytes`);
  raw.destroy();
});

test('an end that goes in the middle of a message is an end', async () => {
  const { raw, messages, closed } = await facing();
  raw.end(Buffer.from('\0\0\0\x09half', 'latin1'));
  expect(await closed).toBeNull();
  expect(messages).toEqual([]);
});
