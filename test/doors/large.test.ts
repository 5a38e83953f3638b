/** Large events on real sockets: the payload is in memory once, however many sockets wait for it. */
import { expect, test } from 'vitest';
import { TestDoor } from './door.ts';
import { RawSocket } from './raw.ts';

const LIVE = 'subscription { flights { cursor topic } }';
const READERS = 4;
/** More than the kernel buffers between two sockets of one machine. */
const SIZE = 12_000_000;

test('what four readers that do not read are sent is held once, and each of them gets it whole, under its own id', async () => {
  await using door = await TestDoor.open();
  const readers: RawSocket[] = [];
  for (let i = 0; i < READERS; i++) {
    const reader = await RawSocket.ready(door);
    reader.send({ id: `reader-${10 + i}`, type: 'subscribe', payload: { query: LIVE } });
    await door.way.until((way) => way.placed.length > i);
    reader.socket.pause();
    readers.push(reader);
  }
  const payload = JSON.stringify({ data: { flights: { cursor: 'c1', topic: 'x'.repeat(SIZE) } } });
  const before = process.memoryUsage().arrayBuffers;
  const drained: Promise<void>[] = [];
  // As a cohort does: one template for all ids of one length, the id put into a head of one's own.
  const { envelope, id: first } = (door.way.placed[0] as (typeof door.way.placed)[0]).outlet;
  const template = envelope.template([payload], ['c1'], first.length);
  for (const { outlet } of door.way.placed) {
    const { sink, id } = outlet;
    const bytes = Buffer.from(template.bytes);
    for (const slot of template.idSlots) id.copy(bytes, slot);
    expect(sink.write(bytes, template.shared)).toBe('held');
    drained.push(new Promise((resolve) => sink.onDrain(resolve)));
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * SIZE);
  for (const reader of readers) reader.socket.resume();
  await Promise.all(drained);
  for (const [i, reader] of readers.entries()) {
    const message = await reader.message(({ type }) => type === 'next');
    expect(message['id']).toBe(`reader-${10 + i}`);
    expect(JSON.stringify(message['payload']) === payload).toBe(true);
    reader.socket.destroy();
  }
});
