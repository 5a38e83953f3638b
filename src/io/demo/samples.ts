/**
 * Records of the demo, from the npm package vega-datasets: flights of the US Bureau of Transportation Statistics, joined with
 * the airports at either end, and earthquakes of the US Geological Survey as they are.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface Sample {
  /** Text of the record's key. */
  readonly id: string;
  readonly record: Readonly<Record<string, unknown>>;
}

const data = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data');

interface FlightRow {
  /** `2001/01/01 06:55`, local to the origin. */
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

interface Airport {
  readonly name: string;
  readonly city: string;
  readonly state: string;
  readonly latitude: number;
  readonly longitude: number;
}

export function flights(): readonly Sample[] {
  const file = 'flights-10k.json';
  const rows = JSON.parse(readFileSync(join(data, file), 'utf8')) as readonly FlightRow[];
  const airports = readAirports();
  return rows.flatMap((row, i) => {
    const origin = airports.get(row.origin);
    const destination = airports.get(row.destination);
    if (origin === undefined || destination === undefined) return [];
    const [day = '', time = ''] = row.date.split(' ');
    const id = `${day.replaceAll('/', '')}-${time.replace(':', '')}-${row.origin}-${row.destination}-${i + 1}`;
    const record = {
      ...row,
      id,
      date: `${day.replaceAll('/', '-')}T${time}:00`,
      airports: { origin, destination },
      feed: { file, row: i + 1 },
    };
    return [{ id, record }];
  });
}

interface Quake {
  readonly id: string;
  readonly properties: { readonly mag: number | null; readonly magType: string | null; readonly place: string | null };
  readonly geometry: unknown;
}

export function earthquakes(): readonly Sample[] {
  const { features } = JSON.parse(readFileSync(join(data, 'earthquakes.json'), 'utf8')) as {
    features: readonly Quake[];
  };
  // The newest comes first in the file. A few have no magnitude yet: they are no event of the product.
  return features
    .filter(({ properties }) => properties.mag !== null && properties.magType !== null)
    .map((record) => ({ id: record.id, record: { ...record } }))
    .reverse();
}

/** By IATA code. No field of the file holds a quoted comma but names, which are quoted then. */
function readAirports(): ReadonlyMap<string, Airport> {
  const lines = readFileSync(join(data, 'airports.csv'), 'utf8').trimEnd().split(/\r?\n/).slice(1);
  const airports = new Map<string, Airport>();
  for (const line of lines) {
    const [iata = '', name = '', city = '', state = '', , latitude, longitude] = cells(line);
    airports.set(iata, { name, city, state, latitude: Number(latitude), longitude: Number(longitude) });
  }
  return airports;
}

function cells(line: string): string[] {
  return [...line.matchAll(/("((?:[^"]|"")*)"|[^,]*)(?:,|$)/g)].map(
    ([, whole = '', quoted]) => quoted?.replaceAll('""', '"') ?? whole,
  );
}
