/** Streams of a node of several processes: each of them serves all there is. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Crew } from './crew.ts';
import { type Stream, transports } from './stream-client.ts';
import { range, StreamSite, seqs, sorted, TYPE, thing } from './stream-site.ts';

let site: StreamSite;

beforeAll(async () => {
  site = await StreamSite.open();
});

afterAll(() => site[Symbol.asyncDispose]());

test('workers serve streams, the past and publishing, and each tells its clients where to go on when they drain', async () => {
  await using crew = await Crew.start(site.site, 2);
  const { key } = await site.site.partner(['things']);
  await crew.shows(key, ['things']);
  const at = `${crew.gateway.url}/v1/streams/things`;
  const opened: Stream[] = [];
  for (let i = 0; i < 4; i++) {
    opened.push(await transports['a WebSocket'](at, key), await transports.SSE(at, key));
  }
  await Promise.all(opened.map((stream) => stream.ready()));
  const batch = range(0, 20).map((seq) => ({
    specversion: '1.0',
    id: `${seq}`,
    source: '/tests',
    type: TYPE,
    data: thing(seq),
  }));
  const headers = { 'x-api-key': key, 'content-type': 'application/cloudevents-batch+json' };
  const published = await fetch(`${at}/events`, { method: 'POST', headers, body: JSON.stringify(batch) });
  expect(published.status).toBe(201);
  for (const stream of opened) expect(sorted(seqs(await stream.take(20)))).toEqual(range(0, 20));
  const past = await fetch(`${at}/events?since=earliest`, { headers: { 'x-api-key': key } });
  expect((await past.text()).trim().split('\n')).toHaveLength(20);
  await crew.metrics.reaches('sluice_connections', { door: 'stream-ws' }, (open) => open === 4);
  await crew.metrics.reaches('sluice_connections', { door: 'stream-sse' }, (open) => open === 4);
  const stopped = crew.gateway.stop();
  for (const stream of opened) {
    const { cursor, data } = await stream.of('sluice.error');
    expect([data?.['code'], typeof cursor]).toEqual(['DRAINING', 'string']);
    await stream.closed;
  }
  expect(await stopped).toEqual({ code: 0, signal: null });
});
