import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { EventSource } from 'eventsource';
import { createClient } from 'graphql-sse';
import { describe, expect, test } from 'vitest';
import { SluiceError } from '../../src/core/errors.ts';
import { collect } from './clients.ts';
import { KEY, LIVE, TestDoor } from './door.ts';

type Live = { data: { flights: { cursor: string } } };

const cursors = (count: number) => Array.from({ length: count }, (_, index) => `c${index + 1}`);

function clientOf(door: TestDoor) {
  return createClient({ url: door.url, headers: { 'x-api-key': KEY }, retryAttempts: 0 });
}

/** A stream as its text, and what has come of it so far. */
class Stream {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  text = '';
  isOver = false;
  private waiting: (() => void)[] = [];

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.request = request;
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (part: string) => {
      this.text += part;
      this.wake();
    });
    response.on('error', () => {});
    response.on('close', () => {
      this.isOver = true;
      this.wake();
    });
  }

  static async open(
    door: TestDoor,
    headers: Readonly<Record<string, string>> = {},
    body: unknown = { query: LIVE },
  ): Promise<Stream> {
    const request = httpRequest(door.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', 'x-api-key': KEY, ...headers },
    });
    request.on('error', () => {});
    request.end(JSON.stringify(body));
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new Stream(request, response);
  }

  async until(holds: (text: string) => boolean): Promise<string> {
    while (!holds(this.text)) {
      if (this.isOver) throw new Error(`over before it held: ${this.text}`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    return this.text;
  }

  async end(): Promise<string> {
    while (!this.isOver) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.text;
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

describe('a stock graphql-sse client', () => {
  test('receives events in order, and going away ends the subscription behind', async () => {
    await using door = await TestDoor.open();
    const client = clientOf(door);
    const events = collect<Live>((sink) => client.subscribe({ query: LIVE }, sink as never));
    const placed = await door.way.next();
    placed.outlet.progress('c0');
    await placed.emit(3);
    await placed.emit(1, 'é/😀');
    expect((await events.take(4)).map((event) => event.data.flights.cursor)).toEqual(cursors(4));
    events.stop();
    await placed.whenEnded;
    expect(placed.ended).toBeNull();
    await door.way.until((way) => way.sessions.size === 0);
    expect(door.observe.errors).toEqual([]);
  });

  test('is told of the end of a subscription by errors with the cursor, then complete', async () => {
    await using door = await TestDoor.open();
    const events = collect((sink) => clientOf(door).subscribe({ query: LIVE }, sink as never));
    const placed = await door.way.next();
    await placed.emit(2);
    placed.subscription.end(new SluiceError('GRANT_ENDED'));
    const last = (await events.take(3))[2];
    expect(last).toMatchObject({ errors: [{ extensions: { code: 'GRANT_ENDED', retry: 'changed', cursor: 'c2' } }] });
    await events.completed;
    await door.way.until((way) => way.sessions.size === 0);
  });

  test('is told what is wrong with an operation in the stream, and no source is opened', async () => {
    await using door = await TestDoor.open();
    const events = collect((sink) =>
      clientOf(door).subscribe({ query: 'subscription { flights { nonsense } }' }, sink as never),
    );
    expect(await events.take(1)).toMatchObject([
      { errors: [{ message: expect.stringContaining('nonsense'), extensions: { code: 'BAD_REQUEST' } }] },
    ]);
    await events.completed;
    expect(door.way.opened).toBe(0);
  });

  test('runs queries too', async () => {
    await using door = await TestDoor.open();
    const events = collect((sink) =>
      clientOf(door).subscribe({ query: '{ flights(from: {earliest: true}) { edges { cursor } } }' }, sink as never),
    );
    expect(await events.take(1)).toEqual([{ data: { flights: { edges: [{ cursor: 'c1' }] } } }]);
    await events.completed;
  });
});

describe('an EventSource', () => {
  const urlOf = (door: TestDoor, query = LIVE) => `${door.url}?access_token=${KEY}&query=${encodeURIComponent(query)}`;

  test('gives its key in the URL, sees the cursor as the id of each event, and resumes at the last one by itself', async () => {
    await using door = await TestDoor.open();
    const source = new EventSource(urlOf(door, 'subscription { flights(from: {earliest: true}) { cursor topic } }'));
    const seen: { id: string; cursor: string }[] = [];
    let wake = (): void => {};
    source.addEventListener('next', (event) => {
      seen.push({ id: event.lastEventId, cursor: (JSON.parse(event.data) as Live).data.flights.cursor });
      wake();
    });
    const until = async (count: number) => {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
    };
    const first = await door.way.next();
    await first.emit(2);
    await until(2);
    expect(seen).toEqual([
      { id: 'c1', cursor: 'c1' },
      { id: 'c2', cursor: 'c2' },
    ]);
    expect(first.operation.variables).toBeNull();
    first.subscription.end(null);
    await door.way.until((way) => way.opened === 2);
    const second = await door.way.next();
    expect(second.operation.variables).toEqual({ sluiceLastEventId: 'c2' });
    expect(second.operation.query).toContain('from: {cursor: $sluiceLastEventId}');
    expect(second.operation.query).not.toContain('earliest');
    source.close();
    await second.whenEnded;
  });

  test('hears complete, so that it can close', async () => {
    await using door = await TestDoor.open();
    const source = new EventSource(urlOf(door));
    const completed = new Promise<string>((resolve) =>
      source.addEventListener('complete', (event) => resolve(event.data)),
    );
    (await door.way.next()).subscription.end(null);
    expect(await completed).toBe('');
    source.close();
  });
});

describe('the stream', () => {
  test('says ready before the first event, progress as an id without data, and ends with complete', async () => {
    await using door = await TestDoor.open();
    const stream = await Stream.open(door);
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    const placed = await door.way.next();
    await placed.emit(2);
    placed.outlet.progress('c9');
    await stream.until((text) => text.includes('c9'));
    placed.subscription.end(new SluiceError('DRAINING'));
    expect(await stream.end()).toBe(
      ': ready c0\n\n' +
        'event: next\nid: c1\ndata: {"data":{"flights":{"cursor":"c1","topic":"a/b"}}}\n\n' +
        'event: next\nid: c2\ndata: {"data":{"flights":{"cursor":"c2","topic":"a/b"}}}\n\n' +
        ': progress\nid: c9\n\n' +
        `event: next\nid: c2\ndata: ${JSON.stringify({ errors: [new SluiceError('DRAINING').with({ cursor: 'c2' }).toPublic()] })}\n\n` +
        'event: complete\ndata: \n\n',
    );
  });

  test('is kept open by comments', async () => {
    await using door = await TestDoor.open({ limits: { probeMs: 10 } });
    const stream = await Stream.open(door);
    await stream.until((text) => text.endsWith(':\n\n:\n\n'));
    stream.request.destroy();
    await door.way.until((way) => way.placed.length === 0);
  });

  test('is 401 without a key, and asks for another attempt by its status where one may help', async () => {
    await using door = await TestDoor.open();
    expect((await Stream.open(door, { 'x-api-key': '' })).response.statusCode).toBe(401);
    for (const [code, status] of [
      ['UNAVAILABLE', 503],
      ['DRAINING', 503],
      ['SUBSCRIPTION_LIMIT', 429],
    ] as const) {
      door.way.gate = Promise.reject(new SluiceError(code));
      door.way.gate.catch(() => {});
      const stream = await Stream.open(door);
      expect([stream.response.statusCode, stream.response.headers['retry-after']]).toEqual([status, '1']);
      expect(JSON.parse(await stream.end())).toMatchObject({ errors: [{ extensions: { code } }] });
    }
    expect(door.way.sessions.size).toBe(0);
  });

  test('of a client that goes while it is placed is aborted and leaves nothing', async () => {
    await using door = await TestDoor.open();
    const gate = Promise.withResolvers<void>();
    door.way.gate = gate.promise;
    const request = httpRequest(door.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', 'x-api-key': KEY },
    });
    request.on('error', () => {});
    request.end(JSON.stringify({ query: LIVE }));
    await door.way.until((way) => way.sessions.size === 1);
    await new Promise((resolve) => setImmediate(resolve));
    request.destroy();
    await door.way.until((way) => way.sessions.size === 0);
    gate.resolve();
    await gate.promise;
    expect(door.way.opened).toBe(0);
    expect(door.observe.errors).toEqual([]);
  });

  test('ends with the credential, placed or not', async () => {
    await using door = await TestDoor.open();
    const stream = await Stream.open(door);
    const placed = await door.way.next();
    placed.subscription.end(new SluiceError('UNAUTHENTICATED'));
    expect(await stream.end()).toContain('"UNAUTHENTICATED"');
    await door.way.until((way) => way.sessions.size === 0);
    door.way.gate = new Promise(() => {});
    const pending = Stream.open(door);
    await door.way.until((way) => way.sessions.size === 1);
    for (const session of door.way.sessions) session.end(new SluiceError('UNAUTHENTICATED'));
    expect(await (await pending).end()).toContain('"UNAUTHENTICATED"');
  });

  test('of a reader that does not read is held, and delivers every event in order when it reads again', async () => {
    await using door = await TestDoor.open();
    const stream = await Stream.open(door);
    const placed = await door.way.next();
    await stream.until((text) => text.includes('ready'));
    stream.response.pause();
    let sent = 0;
    let pending: Promise<string>;
    do {
      pending = placed.emit(10, 'x'.repeat(10_000));
      sent += 10;
    } while (placed.outlet.sink.write(Buffer.alloc(0)) === 'taken');
    placed.outlet.progress('skipped');
    stream.response.resume();
    await pending;
    placed.subscription.end(null);
    const text = await stream.end();
    expect([...text.matchAll(/^id: (\S+)$/gm)].map((match) => match[1])).toEqual(cursors(sent));
    expect(text).not.toContain('skipped');
    expect(text.endsWith('event: complete\ndata: \n\n')).toBe(true);
  });

  test('is refused to HTTP/1.0, whose answers have no chunks', async () => {
    await using door = await TestDoor.open();
    const socket = connect(door.port, '127.0.0.1');
    socket.write(
      `GET /graphql?access_token=${KEY}&query=${encodeURIComponent(LIVE)} HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n`,
    );
    let answer = '';
    for await (const part of socket) answer += part;
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(door.way.opened).toBe(0);
  });

  test('behind another request on one connection begins when that has been answered', async () => {
    await using door = await TestDoor.open();
    const socket = connect(door.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (part) => (answer += part));
    const query = encodeURIComponent('{ flights(from: {earliest: true}) { edges { cursor } } }');
    socket.write(
      `GET /graphql?query=${query} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\n\r\n` +
        `GET /graphql?query=${encodeURIComponent(LIVE)} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\nAccept: text/event-stream\r\n\r\n`,
    );
    const placed = await door.way.next();
    await placed.emit();
    placed.subscription.end(null);
    await once(socket, 'close');
    expect(answer.indexOf('"cursor":"c1"}]')).toBeLessThan(answer.indexOf(': ready c0'));
    expect(answer).toContain('event: next\nid: c1\n');
    expect(answer.endsWith('0\r\n\r\n')).toBe(true);
  });

  test('drains with the cursor', async () => {
    await using door = await TestDoor.open();
    const stream = await Stream.open(door);
    await (await door.way.next()).emit();
    await door.server.drain();
    expect(await stream.end()).toContain('"code":"DRAINING","retry":"now","cursor":"c1"');
  });
});
