import { readFile } from 'node:fs/promises';
import type { ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import { beforeAll, describe, expect, test } from 'vitest';
import { readContract } from '../../src/core/contract/index.ts';
import { odcsDocument } from '../../src/core/contract/odcs/document.ts';
import { odcsSchemaPath } from '../bed/odcs.ts';
import { type Document, everything, parentOf, placesOf, product, yamlOf } from './documents.ts';

let validate: ValidateFunction;

beforeAll(async () => {
  const ajv = new Ajv2019({ strict: false, validateFormats: true });
  (addFormats as unknown as (target: Ajv2019) => void)(ajv);
  validate = ajv.compile(JSON.parse(await readFile(await odcsSchemaPath(), 'utf8')));
});

/** The model's verdict, as readContract reports it. */
function accepts(document: Document): boolean {
  return !readContract(yamlOf(document), 'test.odcs.yaml').findings.some(({ rule }) => rule.startsWith('odcs-'));
}

function explain(document: Document): string {
  const own = readContract(yamlOf(document), 'test.odcs.yaml').findings.filter(({ rule }) => rule.startsWith('odcs-'));
  return JSON.stringify({
    standard: validate.errors?.map(({ instancePath, message }) => [instancePath, message]),
    own: own.map(({ message, line }) => [line, message]),
  });
}

function expectSameVerdict(document: Document, label: string): void {
  const standard = validate(document);
  const own = accepts(document);
  if (own !== standard) expect.fail(`${label}: the standard says ${standard}, the model ${own}: ${explain(document)}`);
}

const least = { version: '1', apiVersion: 'v3.2.0', kind: 'DataContract', id: 'x' };
const server = (members: object) => ({ ...least, servers: [{ server: 's', ...members }] });
const property = (members: object) => ({ ...least, schema: [{ name: 'X', properties: [{ name: 'p', ...members }] }] });
const quality = (members: object) => property({ logicalType: 'string', quality: [members] });

/** What each type of server asks for. */
const servers: readonly (readonly [string, object])[] = [
  ['api', { location: 'https://x.example.com/graphql' }],
  ['athena', { schema: 's', stagingDir: 's3://a/b' }],
  ['azure', { location: 'https://x.example.com/c', format: 'json' }],
  ['bigquery', { project: 'p', dataset: 'd' }],
  ['btrieve', { host: 'h', database: 'd' }],
  ['clickhouse', { host: 'h', port: 1, database: 'd' }],
  ['databricks', { catalog: 'c', schema: 's' }],
  ['denodo', { host: 'h', port: '1' }],
  ['dremio', { host: 'h', port: 1 }],
  ['duckdb', { database: 'd' }],
  ['exasol', { host: 'h' }],
  ['fastobjects', { database: 'd' }],
  ['glue', { account: 'a', database: 'd' }],
  ['hana', { host: 'h' }],
  ['cloudsql', { host: 'h', port: 1, database: 'd', schema: 's' }],
  ['db2', { host: 'h', port: 1, database: 'd' }],
  ['hive', { host: 'h', database: 'd' }],
  ['iceberg', { catalog: 'c', catalogUrl: 'https://c.example.com' }],
  ['impala', { host: 'h', database: 'd' }],
  ['informix', { host: 'h', database: 'd' }],
  ['ingres', { host: 'h', database: 'd' }],
  ['kafka', { host: 'h' }],
  ['kinesis', {}],
  ['local', { path: 'p', format: 'json' }],
  ['mysql', { host: 'h', port: 1, database: 'd' }],
  ['oracle', { host: 'h', port: 1, serviceName: 's' }],
  ['poet', { database: 'd' }],
  ['postgresql', { host: 'h', port: 1, database: 'd', schema: 's' }],
  ['postgres', { host: 'h', port: 1, database: 'd', schema: 's' }],
  ['presto', { host: 'h' }],
  ['pubsub', { project: 'p' }],
  ['redshift', { database: 'd', schema: 's' }],
  ['s3', { location: 's3://bucket/x' }],
  ['sftp', { location: 'sftp://host/x' }],
  ['snowflake', { account: 'a', database: 'd', schema: 's' }],
  ['sqlserver', { host: 'h', database: 'd', schema: 's' }],
  ['synapse', { host: 'h', port: 1, database: 'd' }],
  ['teradata', { host: 'h' }],
  ['trino', { host: 'h', port: 1, catalog: 'c', schema: 's' }],
  ['vectorwise', { database: 'd', host: 'h' }],
  ['versant', { database: 'd', host: 'h' }],
  ['vertica', { host: 'h', port: 1, database: 'd', schema: 's' }],
  ['zen', { host: 'h', database: 'd' }],
  ['custom', {}],
];

const described: readonly (readonly [string, Document, boolean])[] = [
  ['everything the standard has', everything(), true],
  ['the least there is', least, true],
  ['an empty document', {}, false],
  ['a 2.2 document', { version: '1', apiVersion: 'v2.2.0', kind: 'DataContract', id: 'x' }, true],
  ['an unknown version of the standard', { ...product(), apiVersion: 'v3.3.0' }, false],
  ['another kind', { ...product(), kind: 'DataProduct' }, false],
  ['an unknown key', { ...product(), statuss: 'x' }, false],
  ['a date-time that is none', { ...product(), contractCreatedTs: 'yesterday' }, false],
  ['a date-time without offset', { ...product(), contractCreatedTs: '2026-01-05T09:00:00' }, false],
  ['a date-time with a leap second', { ...product(), contractCreatedTs: '2016-12-31T23:59:60Z' }, true],
  ['a date-time with hour 24', { ...product(), contractCreatedTs: '2016-12-31T24:00:00Z' }, false],
  ['a 29 February that is', { ...product(), team: [{ username: 'u', dateIn: '2024-02-29' }] }, true],
  ['a 29 February that is not', { ...product(), team: [{ username: 'u', dateIn: '2023-02-29' }] }, false],
  ['a team as a list', { ...product(), team: [{ username: 'u' }] }, true],
  ['a team as text', { ...product(), team: 'us' }, false],
  ['a member without username', { ...product(), team: { members: [{ name: 'n' }] } }, false],
  ['a context as text', { ...product(), context: 'words' }, true],
  ['a context with unknown keys', { ...product(), context: { words: 1 } }, false],
  ['a description with anything', { ...product(), description: { more: 1 } }, true],
  ['a description of text', { ...product(), description: 'text' }, false],
  ['a server of unknown type', server({ type: 'rabbitmq' }), false],
  ['a server without type', server({}), false],
  ['a server with the members of another', server({ type: 'kafka', host: 'h', database: 'd' }), false],
  ['a port that is a fraction', server({ type: 'mysql', host: 'h', port: 1.5, database: 'd' }), false],
  ['a location that is no URI', server({ type: 'api', location: 'not a uri' }), false],
  ['an sftp location of http', server({ type: 'sftp', location: 'https://x.example.com' }), false],
  ['a property without logical type', property({}), false],
  [
    'a property without logical type but with map',
    property({ map: { key: { logicalType: 'string' }, value: { logicalType: 'string' } } }),
    true,
  ],
  [
    'options without logical type',
    property({
      logicalTypeOptions: { minLength: 1 },
      map: { key: { logicalType: 'string' }, value: { logicalType: 'string' } },
    }),
    false,
  ],
  [
    'items, properties and map without logical type',
    property({
      items: { logicalType: 'string' },
      properties: [],
      map: { key: { logicalType: 'string' }, value: { logicalType: 'string' } },
    }),
    true,
  ],
  ['items on a string', property({ logicalType: 'string', items: { logicalType: 'string' } }), false],
  ['properties on an array', property({ logicalType: 'array', properties: [] }), false],
  ['an array without items', property({ logicalType: 'array' }), true],
  ['an object without properties', property({ logicalType: 'object' }), true],
  ['a map without map', property({ logicalType: 'map' }), false],
  ['a map without values', property({ logicalType: 'map', map: { key: { logicalType: 'string' } } }), false],
  ['a vector without dimensions', property({ logicalType: 'vector', logicalTypeOptions: {} }), false],
  ['a vector without options', property({ logicalType: 'vector' }), true],
  [
    'an item with properties that is no object',
    property({ logicalType: 'array', items: { logicalType: 'string', properties: [] } }),
    false,
  ],
  [
    'a nested item that is wrong',
    property({ logicalType: 'array', items: { logicalType: 'array', items: { logicalType: 'text' } } }),
    false,
  ],
  [
    'a format of integers that there is not',
    property({ logicalType: 'integer', logicalTypeOptions: { format: 'i63' } }),
    false,
  ],
  ['a negative length', property({ logicalType: 'string', logicalTypeOptions: { minLength: -1 } }), false],
  ['multipleOf zero', property({ logicalType: 'number', logicalTypeOptions: { multipleOf: 0 } }), false],
  ['options of dates on a number', property({ logicalType: 'number', logicalTypeOptions: { timezone: true } }), false],
  ['options of booleans', property({ logicalType: 'boolean', logicalTypeOptions: { whatever: [1] } }), true],
  ['an empty enum', property({ logicalType: 'string', enum: [] }), false],
  [
    'an enum with a value twice',
    property({
      logicalType: 'string',
      enum: [
        { value: 1, label: 'a' },
        { label: 'a', value: 1 },
      ],
    }),
    false,
  ],
  ['an enum with a list', property({ logicalType: 'string', enum: [{ value: [1] }] }), false],
  [
    'a required list with a name twice',
    property({ logicalType: 'object', logicalTypeOptions: { required: ['a', 'a'] } }),
    false,
  ],
  ['a stable id with a space', property({ logicalType: 'string', id: 'a b' }), false],
  ['a check of the library without operator', quality({ metric: 'rowCount' }), false],
  ['a check of the library with two operators', quality({ metric: 'rowCount', mustBe: 1, mustNotBe: 2 }), false],
  [
    'a check of the library with a wrong and a right operator',
    quality({ metric: 'rowCount', mustBe: 1, mustBeLessThan: 'x' }),
    false,
  ],
  ['an unknown metric', quality({ metric: 'rows', mustBe: 1 }), false],
  ['a metric in a text check', quality({ type: 'text', metric: 'rowCount', mustBe: 1 }), true],
  ['an operator in a text check', quality({ type: 'text', mustBe: 1 }), false],
  ['a query without type', quality({ query: 'select 1', mustBe: 1 }), false],
  ['a query and a metric', quality({ type: 'sql', query: 'select 1', metric: 'rowCount', mustBe: 1 }), true],
  ['a range of equal numbers', quality({ type: 'sql', query: 'q', mustBeBetween: [1, 1] }), false],
  ['a custom check with an operator', quality({ type: 'custom', engine: 'e', implementation: 'i', mustBe: 1 }), false],
  ['a custom check without engine', quality({ type: 'custom', implementation: 'i' }), false],
  [
    'a relationship of a property with from',
    property({ logicalType: 'string', relationships: [{ from: 'a.b', to: 'c.d' }] }),
    false,
  ],
  ['a relationship of a property without to', property({ logicalType: 'string', relationships: [{}] }), false],
  [
    'a relationship of an object, list to text',
    { ...product(), schema: [{ name: 'X', relationships: [{ from: ['a.b'], to: 'c.d' }] }] },
    false,
  ],
  [
    'a relationship to nowhere',
    { ...product(), schema: [{ name: 'X', relationships: [{ from: 'a.b', to: 'c' }] }] },
    false,
  ],
  ['a custom property without value', { ...product(), customProperties: [{ property: 'x' }] }, false],
  ['a custom property of null', { ...product(), customProperties: [{ property: 'x', value: null }] }, true],
  ['a service level without value', { ...product(), slaProperties: [{ property: 'x' }] }, false],
  ['a service level with a list', { ...product(), slaProperties: [{ property: 'x', value: [1] }] }, false],
  ['a price in words', { ...product(), price: { priceAmount: 'much' } }, false],
];

describe('the model of the standard', () => {
  test.each(described)("gives the verdict of the standard's own JSON Schema on %s", (label, document, valid) => {
    expect(validate(document), explain(document)).toBe(valid);
    expectSameVerdict(document, label);
  });

  test.each(servers)(
    'knows servers of type %s: what they need, what they may have, and nothing else',
    (type, members) => {
      expect(validate(server({ type, ...members })), explain(server({ type, ...members }))).toBe(true);
      expectSameVerdict(server({ type, ...members }), type);
      for (const name of Object.keys(members)) {
        const { [name as never]: _gone, ...rest } = members as Record<string, unknown>;
        expectSameVerdict(server({ type, ...rest }), `${type} without ${name}`);
      }
      const every = [
        'account',
        'catalog',
        'catalogUrl',
        'database',
        'dataset',
        'delimiter',
        'encoding',
        'endpointUrl',
        'format',
        'host',
        'location',
        'namespace',
        'path',
        'port',
        'project',
        'region',
        'regionName',
        'schema',
        'serviceName',
        'stagingDir',
        'stream',
        'warehouse',
        'workgroup',
      ];
      for (const name of every) {
        for (const value of ['sftp://a', 'plain', 5]) {
          expectSameVerdict(server({ type, ...members, [name]: value }), `${type} with ${name}: ${value}`);
        }
      }
    },
  );

  test('gives the same verdict wherever a value of a full document is taken away, replaced, renamed or added to', () => {
    const values: readonly unknown[] = ['text', '', 'a.b', 7, 1.5, -1, true, null, [], ['a'], [1, 1], {}, { a: 1 }];
    let mutants = 0;
    let broken = 0;
    const check = (change: (document: Document) => void, label: string): void => {
      // A copy without shared parts: the document holds some values in several places.
      const document = JSON.parse(JSON.stringify(everything()));
      change(document);
      mutants += 1;
      const valid = validate(document);
      if (!valid) broken += 1;
      // The model alone: reading thousands of texts would take half a minute.
      if (odcsDocument.safeParse(document).success !== valid) expectSameVerdict(document, label);
    };
    for (const path of placesOf(everything()).filter((place) => place.length > 0)) {
      const key = path.at(-1) as string | number;
      check(
        (document) => {
          const parent = parentOf(document, path);
          if (Array.isArray(parent)) parent.splice(Number(key), 1);
          else delete parent[key];
        },
        `without ${path.join('.')}`,
      );
      const value = values[mutants % values.length];
      for (const replacement of [value, values[(mutants * 7 + 3) % values.length]]) {
        check(
          (document) => {
            parentOf(document, path)[key] = replacement;
          },
          `${path.join('.')} = ${JSON.stringify(replacement)}`,
        );
      }
      if (typeof key === 'string') {
        check(
          (document) => {
            const parent = parentOf(document, path);
            parent[`${key}x`] = parent[key];
            delete parent[key];
          },
          `${path.join('.')} renamed`,
        );
      }
    }
    expect(mutants).toBeGreaterThan(1000);
    expect(broken).toBeGreaterThan(mutants / 4);
  });
});
