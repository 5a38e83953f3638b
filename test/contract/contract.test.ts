import { describe, expect, test } from 'vitest';
import { checkCatalogue, readContract } from '../../src/core/contract/index.ts';
import { object } from './broken.ts';
import { contractOf, type Document, product, productOf, yamlOf } from './documents.ts';

describe('a contract', () => {
  test('of major 1 has the plain names, of 2 and later names with the major', () => {
    const names = (version: string) => {
      const { major, product: name, fieldName, typeName } = contractOf({ ...product(), name: 'web-orders', version });
      return { major, name, fieldName, typeName };
    };
    expect(names('1.9.3')).toEqual({ major: 1, name: 'web-orders', fieldName: 'webOrders', typeName: 'Order' });
    expect(names('2.0.0-rc.1+b5')).toEqual({
      major: 2,
      name: 'web-orders-v2',
      fieldName: 'webOrdersV2',
      typeName: 'OrderV2',
    });
    expect(names('12.0.0')).toEqual({
      major: 12,
      name: 'web-orders-v12',
      fieldName: 'webOrdersV12',
      typeName: 'OrderV12',
    });
  });

  test('without a Kafka server or without a topic is catalogued, not served', () => {
    const noServer = product();
    noServer.servers = [{ server: 'x', type: 'api', location: 'https://x.example.com' }];
    expect(contractOf(noServer).source).toBeNull();
    const noTopic = product();
    noTopic.schema[0].physicalType = 'table';
    expect(contractOf(noTopic).source).toBeNull();
    const nothing = {
      apiVersion: 'v3.1.0',
      kind: 'DataContract',
      id: 'x',
      name: 'later',
      version: '1.0.0',
      status: 'proposed',
    };
    expect(contractOf(nothing)).toMatchObject({ source: null, fields: [], template: [], typeName: 'Later' });
  });

  test('of v3.0, v3.1 and v3.2 is read alike', () => {
    for (const apiVersion of ['v3.0.0', 'v3.0.1', 'v3.0.2', 'v3.1.0', 'v3.2.0']) {
      expect(contractOf({ ...product(), apiVersion, team: [{ username: 'ada', role: 'Owner' }] }).owner).toBe('ada');
    }
  });

  test('names the page for readers that its owner names: the contract, else what its data mean, and nothing of code', () => {
    const definition = (...definitions: readonly { type: string; url: string }[]) =>
      contractOf({ ...product(), authoritativeDefinitions: definitions }).definition;
    const meaning = { type: 'businessDefinition', url: 'https://wiki.example.com/orders' };
    const canonical = { type: 'canonicalUrl', url: 'https://contracts.example.com/orders' };
    expect(definition(meaning, canonical)).toBe(canonical.url);
    expect(definition(meaning)).toBe(meaning.url);
    expect(definition({ type: 'transformationImplementation', url: 'https://git.example.com/job' })).toBeNull();
    expect(definition({ ...canonical, url: 'ftp://contracts.example.com/orders' }, meaning)).toBe(meaning.url);
    expect(contractOf(product()).definition).toBeNull();
  });

  test('carries what the document says', () => {
    const contract = contractOf(product());
    expect(contract).toMatchObject({
      source: { cluster: 'main', topic: 'shop.orders.v1', format: 'json', envelope: 'none' },
      template: [{ literal: 'shop' }, { field: ['region'] }, { field: ['status'] }],
      templateText: 'shop/{region}/{status}',
      messageKey: ['id'],
      operations: { subscribe: { roles: ['reader'] }, query: { roles: ['reader'] }, publish: { roles: ['writer'] } },
      replay: { maxDepthMs: 604_800_000, from: ['latest', 'cursor'] },
      deletes: false,
    });
    expect(contract.fields.map(({ name, type, required }) => [name, type, required])).toEqual([
      ['id', { kind: 'string' }, true],
      ['region', { kind: 'string' }, true],
      ['status', { kind: 'string' }, true],
      ['total', { kind: 'decimal', precision: 12, scale: 2 }, true],
      ['weight', { kind: 'number' }, false],
      ['email', { kind: 'string' }, false],
    ]);
    expect(contract.fields.at(-1)?.privacy).toEqual({ masking: 'hash', visibleTo: ['writer'] });
    expect(Object.isFrozen(contract) && Object.isFrozen(contract.fields[0]?.type)).toBe(true);
  });

  test('has a digest of its meaning: not of its file, its comments, or the order of keys', () => {
    const text = yamlOf(product());
    const digest = readContract(text, 'a.odcs.yaml').contract?.digest;
    expect(digest).toMatch(/^[\w-]{43}$/);
    expect(readContract(`# a comment\n${text}`, 'b.odcs.yaml').contract?.digest).toBe(digest);
    expect(contractOf(Object.fromEntries(Object.entries(product()).reverse())).digest).toBe(digest);
    expect(contractOf(productOf([])).digest).not.toBe(digest);
  });

  test('knows the types of the standard, nested to any depth', () => {
    const { fields } = contractOf(
      productOf([
        { name: 'a', logicalType: 'integer' },
        { name: 'b', logicalType: 'integer', logicalTypeOptions: { format: 'i64' } },
        { name: 'c', logicalType: 'integer', physicalType: 'bigint' },
        { name: 'd', logicalType: 'integer', logicalTypeOptions: { format: 'u32' } },
        { name: 'e', logicalType: 'integer', logicalTypeOptions: { format: 'u8' } },
        { name: 'f', logicalType: 'timestamp', physicalType: 'timestamp-micros' },
        { name: 'g', logicalType: 'timestamp', logicalTypeOptions: { timezone: true } },
        { name: 'h', logicalType: 'vector', logicalTypeOptions: { dimensions: 3 } },
        {
          name: 'i',
          logicalType: 'array',
          items: {
            logicalType: 'map',
            map: {
              key: { logicalType: 'string' },
              value: {
                logicalType: 'object',
                required: true,
                properties: [{ name: 'x', logicalType: 'array', items: { logicalType: 'boolean', required: true } }],
              },
            },
          },
        },
      ]),
    );
    expect(Object.fromEntries(fields.map(({ name, type }) => [name, type]))).toMatchObject({
      a: { kind: 'int' },
      b: { kind: 'long' },
      c: { kind: 'long' },
      d: { kind: 'long', width: 'u32' },
      e: { kind: 'int', width: 'u8' },
      f: { kind: 'timestamp', unit: 'us' },
      g: { kind: 'timestamp', zoned: true },
      h: { kind: 'array', items: { kind: 'number' }, itemsRequired: true },
      i: {
        kind: 'array',
        itemsRequired: false,
        items: {
          kind: 'map',
          name: 'OrderIEntry',
          valuesRequired: true,
          values: {
            kind: 'object',
            name: 'OrderIValue',
            fields: [{ name: 'x', type: { kind: 'array', itemsRequired: true } }],
          },
        },
      },
    });
  });
});

describe('a catalogue', () => {
  const named = (change: (document: Document) => void, file: string) => {
    const document = product();
    change(document);
    return contractOf(document, file);
  };

  test('has each product and major once, and each GraphQL name', () => {
    const first = named(() => {}, 'a.odcs.yaml');
    const check = (change: (document: Document) => void) =>
      checkCatalogue([first, named(change, 'b.odcs.yaml')]).map(({ rule, file }) => [rule, file]);
    expect(check(() => {})).toEqual([['unique-product', 'b.odcs.yaml']]);
    expect(
      check((d) => {
        d.version = '2.0.0';
      }),
    ).toEqual([]);
    expect(
      check((d) => {
        d.name = 'parcels';
      }),
    ).toEqual([['unique-type', 'b.odcs.yaml']]);
    expect(
      check((d) => {
        d.name = 'parcels';
        object(d).name = 'ParcelEvent';
      }),
    ).toEqual([]);
    const digits = named((d) => {
      d.name = 'a1-b';
      object(d).name = 'One';
    }, 'c.odcs.yaml');
    const same = named((d) => {
      d.name = 'a1b';
      object(d).name = 'Two';
    }, 'd.odcs.yaml');
    expect(checkCatalogue([digits, same])).toEqual([]);
    const nested = named((d) => {
      d.name = 'parcels';
      object(d).name = 'Par';
      object(d).properties.push({
        name: 'cel',
        logicalType: 'object',
        properties: [{ name: 'a', logicalType: 'string' }],
      });
    }, 'e.odcs.yaml');
    const other = named((d) => {
      d.name = 'mail';
      object(d).name = 'ParCel';
    }, 'f.odcs.yaml');
    expect(checkCatalogue([nested, other]).map(({ rule, message }) => [rule, message.includes('"ParCel"')])).toEqual([
      ['unique-type', true],
    ]);
  });

  test('names clusters that are configured', () => {
    const contract = named(() => {}, 'a.odcs.yaml');
    expect(checkCatalogue([contract], { clusters: ['main'] })).toEqual([]);
    expect(checkCatalogue([contract], { clusters: ['mian'] })).toMatchObject([
      { rule: 'cluster', hint: 'did you mean "mian"?' },
    ]);
  });
});
