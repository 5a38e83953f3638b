/** Documents for the tests of contracts: one that uses every section of the standard, and one that is small. */
import { stringify } from 'yaml';
import { type Contract, formatFindings, readContract } from '../../src/core/contract/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: documents are changed at any place.
export type Document = any;

const custom = [
  { id: 'c-1', property: 'costCentre', value: { code: 7, tags: ['a'] }, description: 'Who pays', vendor: 'acme' },
];
const definitions = [
  { id: 'd-1', url: 'https://example.com/d', type: 'businessDefinition', description: 'What it means' },
];

/** Valid by the standard, with every member of every section somewhere. Not made to be served. */
export function everything(): Document {
  return {
    apiVersion: 'v3.2.0',
    kind: 'DataContract',
    id: 'b2a1',
    name: 'everything',
    version: '1.0.0',
    status: 'active',
    tenant: 'acme',
    domain: 'tests',
    dataProduct: 'Everything',
    tags: ['a', 'b'],
    contractCreatedTs: '2026-01-05T09:00:00Z',
    context: {
      instructions: 'Read well.',
      verifiedStatements: [
        {
          id: 'v',
          question: 'Why?',
          answer: 'Because.',
          authoritativeDefinitions: definitions,
          tags: ['q'],
          customProperties: custom,
        },
      ],
      constraints: [
        { id: 'k', constraint: 'Never.', authoritativeDefinitions: definitions, tags: ['r'], customProperties: custom },
      ],
    },
    description: {
      usage: 'u',
      purpose: 'p',
      limitations: 'l',
      authoritativeDefinitions: definitions,
      customProperties: custom,
      anything: 'else',
    },
    servers: [
      {
        id: 's-1',
        server: 'one',
        type: 'kafka',
        host: 'h:9092',
        format: 'json',
        encoding: 'utf-8',
        description: 'd',
        environment: 'e',
        roles: [{ role: 'r' }],
        customProperties: custom,
      },
      { server: 'two', type: 'postgres', host: 'h', port: 5432, database: 'd', schema: 's' },
      {
        server: 'three',
        type: 's3',
        location: 's3://bucket/path/*.json',
        endpointUrl: 'https://s3.example.com',
        format: 'json',
        delimiter: 'new_line',
      },
      { server: 'four', type: 'custom', account: 'a', port: '1', endpointUrl: 'https://x.example.com', stream: 's' },
    ],
    schema: [
      {
        id: 'o-1',
        name: 'ThingEvent',
        physicalName: 'tests.things.v1',
        physicalType: 'topic',
        logicalType: 'object',
        businessName: 'Things',
        description: 'A thing',
        deprecated: false,
        dataGranularityDescription: 'one a thing',
        synonyms: [
          {
            id: 'y',
            synonym: 'object',
            description: 'd',
            locale: 'en',
            source: 's',
            status: 'ok',
            customProperties: custom,
          },
        ],
        authoritativeDefinitions: definitions,
        tags: ['t'],
        customProperties: custom,
        context: 'plain words',
        relationships: [
          { id: 'rel', type: 'foreignKey', from: 'things.id', to: 'others.id', customProperties: custom },
          { from: ['schema/things/properties/id'], to: ['things.a', 'other.yaml#/schema/x/properties/y'] },
        ],
        quality: [
          {
            id: 'q1',
            type: 'text',
            description: 'It is good',
            dimension: 'accuracy',
            method: 'm',
            name: 'n',
            schedule: '0 0 * * *',
            scheduler: 'cron',
            severity: 'error',
            unit: 'rows',
            tags: ['t'],
            businessImpact: 'b',
            customProperties: custom,
            authoritativeDefinitions: definitions,
          },
          { type: 'library', metric: 'rowCount', mustBeGreaterThan: 0, rule: 'r', arguments: { a: 1 } },
          { metric: 'nullValues', mustBe: 0 },
          { type: 'sql', query: 'select 1', mustBeBetween: [1, 2] },
          { type: 'custom', engine: 'soda', implementation: { a: 1 } },
          { type: 'custom', engine: 'soda', implementation: 'text' },
        ],
        properties: [
          {
            id: 'p-1',
            name: 'id',
            logicalType: 'string',
            logicalTypeOptions: { minLength: 1, maxLength: 9, pattern: '^a', format: 'uuid' },
            physicalType: 'string',
            physicalName: 'key.id',
            primaryKey: true,
            primaryKeyPosition: 1,
            required: true,
            unique: true,
            semanticType: 'dimension',
            partitioned: true,
            partitionKeyPosition: 1,
            classification: 'public',
            encryptedName: 'id_encrypted',
            transformSourceObjects: ['a'],
            transformDescription: 'd',
            examples: ['a', 1, null, [1], { a: 1 }, true],
            enum: [
              {
                id: 'e',
                value: 'a',
                label: 'A',
                description: 'd',
                customProperties: custom,
                authoritativeDefinitions: definitions,
                tags: ['t'],
              },
              { value: 1 },
              { value: null },
            ],
            criticalDataElement: true,
            relationships: [{ to: 'others.id', type: 'foreignKey' }, { to: ['a.b', 'c.d'] }],
            quality: [{ metric: 'duplicateValues', mustBeLessOrEqualTo: 3 }],
            businessName: 'Id',
            deprecated: true,
            synonyms: [{ synonym: 'key' }],
          },
          {
            name: 'count',
            logicalType: 'integer',
            logicalTypeOptions: {
              format: 'i64',
              minimum: 0,
              maximum: 9,
              exclusiveMinimum: -1,
              exclusiveMaximum: 10,
              multipleOf: 1,
            },
          },
          { name: 'ratio', logicalType: 'number', logicalTypeOptions: { format: 'f64', multipleOf: 0.5 } },
          { name: 'price', logicalType: 'number', physicalType: 'decimal(10,2)' },
          {
            name: 'day',
            logicalType: 'date',
            logicalTypeOptions: { format: 'yyyy-MM-dd', minimum: '2020-01-01', maximum: '2030-01-01' },
          },
          {
            name: 'at',
            logicalType: 'timestamp',
            logicalTypeOptions: { timezone: true, defaultTimezone: 'UTC', exclusiveMinimum: '2020-01-01T00:00:00Z' },
          },
          { name: 'clock', logicalType: 'time', logicalTypeOptions: { timezone: false } },
          { name: 'flag', logicalType: 'boolean', logicalTypeOptions: { any: 1 } },
          {
            name: 'inner',
            logicalType: 'object',
            logicalTypeOptions: { minProperties: 1, maxProperties: 3, required: ['a'] },
            properties: [{ name: 'a', logicalType: 'string' }],
          },
          {
            name: 'list',
            logicalType: 'array',
            logicalTypeOptions: { minItems: 1, maxItems: 3, uniqueItems: true },
            items: { logicalType: 'object', properties: [{ name: 'b', logicalType: 'integer' }] },
          },
          {
            name: 'dict',
            logicalType: 'map',
            logicalTypeOptions: { any: 1 },
            map: { key: { logicalType: 'string' }, value: { logicalType: 'number', required: true } },
          },
          {
            name: 'embedding',
            logicalType: 'vector',
            logicalTypeOptions: {
              dimensions: 3,
              elementType: 'float32',
              distanceMetric: 'cosine',
              embeddingModel: 'm',
              embeddingModelVersion: '1',
              normalized: true,
            },
          },
        ],
      },
    ],
    support: [
      {
        id: 'su',
        channel: '#a',
        url: 'https://x',
        description: 'd',
        tool: 'slack',
        scope: 'issues',
        invitationUrl: 'https://y',
        customProperties: custom,
      },
    ],
    price: { id: 'pr', priceAmount: 1.5, priceCurrency: 'USD', priceUnit: 'event' },
    team: {
      id: 'te',
      name: 'Team',
      description: 'd',
      members: [
        {
          id: 'me',
          username: 'u',
          name: 'n',
          description: 'd',
          role: 'Owner',
          dateIn: '2026-01-05',
          dateOut: '2026-02-05',
          replacedByUsername: 'v',
          tags: ['t'],
          customProperties: custom,
          authoritativeDefinitions: definitions,
        },
      ],
      tags: ['t'],
      customProperties: custom,
      authoritativeDefinitions: definitions,
    },
    roles: [
      {
        id: 'ro',
        role: 'reader',
        description: 'd',
        access: 'read',
        firstLevelApprovers: 'a',
        secondLevelApprovers: 'b',
        customProperties: custom,
      },
    ],
    slaDefaultElement: 'things.id',
    slaProperties: [
      {
        id: 'sl',
        property: 'latency',
        value: 2,
        valueExt: 3,
        unit: 's',
        element: 'things.id',
        driver: 'operational',
        description: 'd',
        scheduler: 'cron',
        schedule: '* * * * *',
        customProperties: custom,
        authoritativeDefinitions: definitions,
      },
      { property: 'open', value: null },
      { property: 'end', value: '2028-06-01T00:00:00Z' },
    ],
    authoritativeDefinitions: definitions,
    customProperties: custom,
  };
}

/** A small product that is served: what a test of one rule starts from. */
export function product(): Document {
  return {
    apiVersion: 'v3.2.0',
    kind: 'DataContract',
    id: 'a1b2',
    name: 'orders',
    version: '1.2.0',
    status: 'active',
    roles: [{ role: 'reader' }, { role: 'writer' }],
    servers: [{ server: 'main', type: 'kafka', host: 'localhost:9092', format: 'json' }],
    schema: [
      {
        name: 'OrderEvent',
        physicalName: 'shop.orders.v1',
        physicalType: 'topic',
        logicalType: 'object',
        customProperties: [
          { property: 'topicTemplate', value: 'shop/{region}/{status}' },
          { property: 'messageKey', value: { fields: ['id'] } },
        ],
        properties: [
          { name: 'id', logicalType: 'string', required: true },
          { name: 'region', logicalType: 'string', required: true },
          { name: 'status', logicalType: 'string', required: true, transformLogic: 'source.paid ? "paid" : "open"' },
          { name: 'total', logicalType: 'number', physicalType: 'decimal(12,2)', required: true },
          { name: 'weight', logicalType: 'number' },
          {
            name: 'email',
            logicalType: 'string',
            customProperties: [{ property: 'privacy', value: { masking: 'hash', visibleTo: ['writer'] } }],
          },
        ],
      },
    ],
    customProperties: [
      {
        property: 'operations',
        value: [
          { kind: 'subscribe', roles: ['reader'] },
          { kind: 'query', roles: ['reader'] },
          { kind: 'publish', roles: ['writer'] },
        ],
      },
      { property: 'replay', value: { maxDepth: 'P7D', from: ['latest', 'cursor'] } },
    ],
  };
}

/** A product with these properties beside a required string `id`, which is key and topic. */
export function productOf(properties: readonly Document[], change: (document: Document) => void = () => {}): Document {
  const document = product();
  const [object] = document.schema;
  object.properties = [{ name: 'id', logicalType: 'string', required: true }, ...properties];
  object.customProperties[0].value = 'things/{id}';
  change(document);
  return document;
}

/** Reads a document that must be without error. */
export function contractOf(document: Document, file = 'test.odcs.yaml'): Contract {
  const text = stringify(document, { aliasDuplicateObjects: false });
  const { contract, findings } = readContract(text, file);
  if (contract === null) throw new Error(formatFindings(findings, { text }));
  return contract;
}

export function yamlOf(document: Document): string {
  return stringify(document, { aliasDuplicateObjects: false });
}

/** The places that a document has, as paths; the root is the empty one. */
export function placesOf(
  value: unknown,
  path: readonly (string | number)[] = [],
): readonly (readonly (string | number)[])[] {
  if (value === null || typeof value !== 'object') return [path];
  const keys = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value);
  return [path, ...keys.flatMap((key) => placesOf((value as Document)[key], [...path, key]))];
}

/** The value at a place; its last step is left to the caller. */
export function parentOf(document: Document, path: readonly (string | number)[]): Document {
  return path.slice(0, -1).reduce((value, key) => value[key], document);
}
