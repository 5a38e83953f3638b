import { once } from 'node:events';
import { deflateRawSync, constants as zlib } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { KEY, LIVE, TestDoor } from './door.ts';
import { bytesHeld } from './garbage.ts';
import { frame, opcodes, RawSocket } from './raw.ts';

const OFFER = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n';
const init = { type: 'connection_init', payload: { apiKey: KEY } };
const subscribe = (id: string) => ({ id, type: 'subscribe', payload: { query: LIVE } });

/** A message as one compressed frame, RSV1 set, or the first of several. */
function deflated(message: unknown): Buffer {
  const bytes = deflateRawSync(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), {
    finishFlush: zlib.Z_SYNC_FLUSH,
    windowBits: 12,
  });
  return bytes.subarray(0, -4);
}

function compressed(opcode: number, bytes: Buffer, isLast = true): Buffer {
  const whole = frame(opcode, bytes, { isLast });
  whole[0] = (whole[0] as number) | 0x40;
  return whole;
}

async function agreed(door: TestDoor): Promise<RawSocket> {
  const raw = await RawSocket.open(door, { headers: OFFER });
  expect(await raw.answer).toMatch(
    /Extensions: permessage-deflate; client_max_window_bits=12; server_no_context_takeover; client_no_context_takeover/,
  );
  raw.socket.write(compressed(opcodes.text, deflated(init)));
  await raw.message(({ type }) => type === 'connection_ack');
  return raw;
}

describe('compression', () => {
  test('is agreed on with nobody unless it is configured', async () => {
    await using door = await TestDoor.open();
    const raw = await RawSocket.open(door, { headers: OFFER });
    expect(await raw.answer).toMatch(/^HTTP\/1.1 101 /);
    expect(await raw.answer).not.toMatch(/extensions/i);
  });

  test.each([
    'permessage-deflate',
    'permessage-deflate; server_no_context_takeover',
    'permessage-deflate; client_max_window_bits=10',
    'permessage-deflate; nonsense, permessage-deflate',
    'x-webkit-deflate-frame',
  ])('is not agreed on with a client whose window cannot be ours, which is served uncompressed: %s', async (offer) => {
    await using door = await TestDoor.open({ limits: { compression: true } });
    const raw = await RawSocket.open(door, { headers: `Sec-WebSocket-Extensions: ${offer}\r\n` });
    expect(await raw.answer).toMatch(/^HTTP\/1.1 101 /);
    expect(await raw.answer).not.toMatch(/extensions/i);
    raw.send(init);
    await raw.message(({ type }) => type === 'connection_ack');
  });

  test('lets a stock client compress what it sends; what it is sent stays uncompressed, in order, ready first', async () => {
    await using door = await TestDoor.open({ limits: { compression: true } });
    const ws = new WebSocket(door.socketUrl, 'graphql-transport-ws', { perMessageDeflate: { threshold: 0 } });
    const messages: Record<string, unknown>[] = [];
    let wake = (): void => {};
    ws.on('message', (data) => {
      messages.push(JSON.parse(String(data)));
      wake();
    });
    const failed = once(ws, 'error').then(([error]) => Promise.reject(error));
    failed.catch(() => {});
    const count = async (least: number): Promise<void> => {
      while (messages.length < least) await Promise.race([new Promise<void>((resolve) => (wake = resolve)), failed]);
    };
    await once(ws, 'open');
    expect(ws.extensions).toBe('permessage-deflate');
    ws.send(JSON.stringify(init));
    await count(1);
    // An answer that is long enough to be compressed goes before what comes after it.
    ws.send(JSON.stringify({ type: 'ping', payload: { filler: 'x'.repeat(5_000) } }));
    ws.send(JSON.stringify(subscribe('1')));
    await (await door.way.next()).emit(3, 'x'.repeat(3_000));
    await count(6);
    expect(messages.map(({ type }) => type)).toEqual(['connection_ack', 'pong', 'pong', 'next', 'next', 'next']);
    ws.terminate();
    await door.way.until((way) => way.sessions.size === 0);
    expect(door.observe.errors).toEqual([]);
  });

  test('leaves every frame of ours without RSV1, and takes fragments, single bytes and pings in between', async () => {
    await using door = await TestDoor.open({ limits: { compression: true } });
    const raw = await agreed(door);
    const bytes = deflated(subscribe('é1'));
    const parts = Array.from({ length: bytes.length }, (_, at) => {
      const part = bytes.subarray(at, at + 1);
      return at === 0 ? compressed(opcodes.text, part, false) : frame(opcodes.continuation, part, { isLast: false });
    });
    const stream = Buffer.concat([...parts, frame(opcodes.ping, 'between'), frame(opcodes.continuation, '')]);
    for (const byte of stream) raw.socket.write(Buffer.of(byte));
    const placed = await door.way.next();
    await placed.emit(2, 'x'.repeat(70_000));
    await raw.until(() => raw.messages.filter(({ type }) => type === 'next').length === 2);
    expect(raw.frames.find(({ opcode }) => opcode === opcodes.pong)?.payload.toString()).toBe('between');
    expect(raw.frames.filter(({ flags }) => flags !== 0x80)).toEqual([]);
    // Both kinds of frames may be mixed.
    raw.send({ id: 'é1', type: 'complete' });
    await placed.whenEnded;
  });

  test('is no way round the limit of a message: a bomb is closed with 1009 and never unfolded', async () => {
    await using door = await TestDoor.open({ limits: { compression: true } });
    const before = await bytesHeld();
    const bomb = deflated(`"${'x'.repeat(100_000_000)}"`);
    expect(bomb.length).toBeLessThan(1_000_000);
    const base = await bytesHeld();
    let peak = 0;
    const watching = setInterval(() => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      peak = Math.max(peak, heapUsed + arrayBuffers);
    }, 1);
    const raw = await agreed(door);
    raw.socket.write(compressed(opcodes.text, bomb));
    expect(await raw.closed()).toBe(1009);
    clearInterval(watching);
    expect(peak - base).toBeLessThan(32 * 1_048_576);
    expect(base - before).toBeLessThan(8 * 1_048_576);
    await door.way.until((way) => way.sessions.size === 0);
  });

  test.each([
    ['what does not unfold', 1007, compressed(opcodes.text, Buffer.from('this is not deflate, is it?'))],
    ['broken UTF-8 within', 1007, compressed(opcodes.text, deflateRawSync(Buffer.of(0x22, 0xc3, 0x28, 0x22)))],
    ['a compressed continuation', 1002, compressed(opcodes.continuation, deflated('{}'))],
    ['a compressed ping', 1002, compressed(opcodes.ping, Buffer.from('x'))],
  ])('that is broken is closed with its code: %s', async (_what, code, bytes) => {
    await using door = await TestDoor.open({ limits: { compression: true } });
    const raw = await agreed(door);
    raw.socket.write(bytes);
    expect(await raw.closed()).toBe(code);
    await door.way.until((way) => way.sessions.size === 0);
    expect(door.observe.errors).toEqual([]);
  });
});
