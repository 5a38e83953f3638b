import { createClient } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { SluiceError } from '../../src/core/errors.ts';
import { KEY, LIVE, TestDoor } from './door.ts';
import { collect } from './clients.ts';

function clientOf(door: TestDoor, connectionParams: Record<string, unknown> = { apiKey: KEY }) {
  return createClient({ url: door.socketUrl, webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
}

describe('a stock graphql-ws client', () => {
  test('receives events in order, and completing ends the subscription behind', async () => {
    await using door = await TestDoor.open();
    const client = clientOf(door);
    const events = collect<{ data: { flights: { cursor: string } } }>((sink) => client.subscribe({ query: LIVE }, sink));
    const placed = await door.way.next();
    await placed.emit(3);
    await placed.emit(1);
    expect((await events.take(4)).map((event) => event.data.flights.cursor)).toEqual(['c1', 'c2', 'c3', 'c4']);
    events.stop();
    await placed.whenEnded;
    expect(placed.ended).toBeNull();
    await client.dispose();
    await door.way.until((way) => way.sessions.size === 0);
    expect(door.observe.errors).toEqual([]);
  });

  test('is told of the end of a subscription by an error with code, retry and cursor', async () => {
    await using door = await TestDoor.open();
    const client = clientOf(door);
    const events = collect((sink) => client.subscribe({ query: LIVE }, sink));
    const placed = await door.way.next();
    await placed.emit(2);
    placed.subscription.end(new SluiceError('GRANT_ENDED'));
    await events.take(2);
    const extensions = { code: 'GRANT_ENDED', retry: 'changed', cursor: 'c2' };
    expect(await events.failed).toMatchObject([{ message: expect.stringContaining('grant'), extensions }]);
    await client.dispose();
  });
});
