import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Contract, checkCatalogue, compileContract, readContract } from '../../src/core/contract/index.ts';
import { jsonCodec } from '../../src/io/codec/json.ts';

const contracts = join(import.meta.dirname, '../../schema/contracts');
const data = join(import.meta.dirname, '../../node_modules/vega-datasets/data');

async function demo(name: string): Promise<{ readonly contract: Contract; readonly text: string }> {
  const file = join(contracts, `${name}.odcs.yaml`);
  const text = await readFile(file, 'utf8');
  const { contract, findings } = readContract(text, file);
  expect(findings).toEqual([]);
  return { contract: contract as Contract, text };
}

/** The example of a record in the comment at the head of a contract. */
function example(text: string): unknown {
  const lines = text
    .slice(0, text.indexOf('apiVersion:'))
    .split('\n')
    .map((line) => line.replace(/^# ?/, ''));
  return parse(lines.slice(lines.findIndex((line) => line.trim() === '{')).join('\n'));
}

describe('the contracts of the demo', () => {
  test('are without findings, alone and together', async () => {
    const both = [(await demo('flights')).contract, (await demo('earthquakes')).contract];
    expect(checkCatalogue(both, { clusters: ['aviation', 'seismic'] })).toEqual([]);
    expect(both.map(({ source, operations }) => [source?.cluster, Object.keys(operations)])).toEqual([
      ['aviation', ['subscribe', 'query', 'publish']],
      ['seismic', ['subscribe', 'query']],
    ]);
  });

  test('describe the record that their comments show, and keep what is internal', async () => {
    const flights = await demo('flights');
    const flight = compileContract(flights.contract);
    const flown = flight.project(example(flights.text));
    expect(flown).toMatchObject({
      origin: 'LAX',
      destination: 'BNA',
      delay: -19,
      status: 'early',
      scheduledAt: '2001-01-01T06:55:00Z',
      route: { origin: { city: 'Los Angeles', position: { longitude: -118.4080744 } } },
    });
    expect(JSON.stringify(flown)).not.toContain('flights-10k');
    expect(
      flight.address(0, { offset: 0, timestamp: 0, key: null, value: Buffer.from(''), headers: [] }, flown).topic,
    ).toBe('aviation/LAX/BNA/early');
    const earthquakes = await demo('earthquakes');
    const quake = compileContract(earthquakes.contract).project(example(earthquakes.text));
    expect(quake).toMatchObject({
      id: 'ci37868143',
      occurredAt: '2018-02-07T01:26:13.84Z',
      strength: 'micro',
      location: { latitude: 34.4945, depth: 26.49 },
    });
    expect(JSON.stringify(quake)).not.toContain('37868143"}');
  });

  test('read every earthquake of the data set', async () => {
    const { contract } = await demo('earthquakes');
    const compiled = compileContract(contract);
    const codec = await jsonCodec.prepare(contract);
    const { features } = JSON.parse(await readFile(join(data, 'earthquakes.json'), 'utf8'));
    const events = features.map((feature: { id: string }, offset: number) => {
      const value = Buffer.from(JSON.stringify(feature));
      return compiled.address(
        0,
        { offset, timestamp: 0, key: Buffer.from(feature.id), value, headers: [] },
        compiled.project(codec.decode(value)),
      );
    });
    expect(events).toHaveLength(1707);
    expect(new Set(events.map((event: { topic: string }) => event.topic.split('/').length))).toEqual(new Set([4]));
    expect(events.every((event: { key: string }, index: number) => event.key === features[index].id)).toBe(true);
  });

  test('accept a flight that a partner publishes', async () => {
    const { contract } = await demo('flights');
    const compiled = compileContract(contract);
    const accepted = compiled.accept({
      id: 'x',
      scheduledAt: '2026-01-01T10:00:00Z',
      origin: 'LAX',
      destination: 'SFO',
      delay: 20,
      distance: 337,
    });
    expect(accepted).toMatchObject({ status: 'delayed', distanceKm: 337 * 1.609344, route: null });
    expect(compiled.keyOf(accepted)).toBe('x');
  });
});
