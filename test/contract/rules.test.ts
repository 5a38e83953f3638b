import { describe, expect, test } from 'vitest';
import { checkCatalogue, type Finding, formatFindings, readContract } from '../../src/core/contract/index.ts';
import { contractOf, type Document, product, productOf, yamlOf } from './documents.ts';

function findingsOf(change: (document: Document) => void, from: () => Document = product): readonly Finding[] {
  const document = from();
  change(document);
  return readContract(yamlOf(document), 'test.odcs.yaml').findings;
}

const object = (document: Document) => document.schema[0];
const property = (document: Document, name: string) => object(document).properties.find((item: Document) => item.name === name);
const custom = (document: Document, name: string) => document.customProperties.find((item: Document) => item.property === name);
const add = (members: Document) => (document: Document) => {
  object(document).properties.push({ name: 'added', logicalType: 'string', ...members });
};

/** Rule, what is done to a good document, and words of the message and the mend. */
const broken: readonly (readonly [string, string, (document: Document) => void, string, string])[] = [
  ['name', 'a name in camel case', (d) => { d.name = 'ordersData'; }, '"ordersData" is not in kebab-case', '"orders-data"'],
  ['name', 'no name', (d) => { delete d.name; }, 'the product has no name', 'kebab-case'],
  ['name', 'a name with a major', (d) => { d.name = 'orders-v2'; }, 'ends in a major version', 'from 2 on'],
  ['name', 'a name that is too long', (d) => { d.name = 'a'.repeat(64); }, 'longer than 63', 'shorten'],
  ['reserved-name', 'the name products', (d) => { d.name = 'products'; }, 'reserved', 'another name'],
  ['reserved-name', 'the name usage', (d) => { d.name = 'usage'; }, 'reserved', 'another name'],
  ['reserved-name', 'the name events', (d) => { d.name = 'events'; }, 'reserved', 'another name'],
  ['reserved-name', 'a name ending in batch', (d) => { d.name = 'orders-batch'; }, 'reserved for batched', 'another name'],
  ['reserved-name', 'a name beginning with publish', (d) => { d.name = 'publish-orders'; }, 'reserved for publishing', 'another name'],
  ['version', 'a version that is not semantic', (d) => { d.version = '1.2'; }, '"1.2" is not a semantic version', 'MAJOR.MINOR.PATCH'],
  ['version', 'major version 0', (d) => { d.version = '0.9.0'; }, 'the major version is 0', 'begins at 1.0.0'],
  ['status', 'an unknown status', (d) => { d.status = 'actve'; }, '"actve" is not a state', 'did you mean "active"'],
  ['status', 'no status', (d) => { delete d.status; }, 'no status', 'proposed, draft, active, deprecated, retired'],
  ['api-version', 'ODCS 2', (d) => { d.apiVersion = 'v2.2.2'; }, 'v2.2.2 is not read', 'v3.2.0'],
  ['type-name', 'a schema object called Event', (d) => { object(d).name = 'Event'; }, 'leaves no name', 'FlightEvent'],
  ['type-name', 'a type name that GraphQL refuses', (d) => { object(d).name = 'order-lineEvent'; }, 'not a legal GraphQL name', '"OrderLine"'],
  ['type-name', 'a type name beginning with __', (d) => { object(d).name = '__Order'; }, 'not a legal GraphQL name', 'would be'],
  ['reserved-name', 'a reserved type name', (d) => { object(d).name = 'QueryEvent'; }, '"Query" is reserved', 'another name'],
  ['one-topic', 'a second topic object', (d) => { d.schema.push({ name: 'Other', physicalType: 'topic' }); }, 'a second topic object', 'its own contract'],
  ['one-kafka-server', 'a second Kafka server', (d) => { d.servers.push({ server: 'b', type: 'kafka', host: 'h' }); }, 'a second Kafka server', 'one'],
  ['cluster', 'a server whose name no cluster can have', (d) => { d.servers[0].server = 'a b'; }, 'cannot be a cluster', 'clusters'],
  ['format', 'avro, which comes later', (d) => { d.servers[0].format = 'avro'; }, '"avro" cannot be read yet', 'json'],
  ['format', 'protobuf, which comes later', (d) => { d.servers[0].format = 'protobuf'; }, '"protobuf" cannot be read yet', 'json'],
  ['format', 'an unknown format', (d) => { d.servers[0].format = 'jsonn'; }, 'no format', 'did you mean "json"'],
  ['envelope', 'debezium, which comes later', (d) => { d.customProperties.push({ property: 'envelope', value: 'debezium' }); }, '"debezium" cannot be read yet', 'none'],
  ['envelope', 'outbox, which comes later', (d) => { d.customProperties.push({ property: 'envelope', value: 'outbox' }); }, '"outbox" cannot be read yet', 'none'],
  ['envelope', 'an unknown envelope', (d) => { d.customProperties.push({ property: 'envelope', value: 'paper' }); }, 'no envelope', 'one of'],
  ['kafka-topic', 'no Kafka topic', (d) => { delete object(d).physicalName; }, 'no name', 'physicalName'],
  ['kafka-topic', 'an illegal Kafka topic', (d) => { object(d).physicalName = 'a/b'; }, 'not a legal name', 'at most 249'],
  ['kafka-topic', 'an internal Kafka topic', (d) => { object(d).physicalName = '_sluice.grants'; }, 'internal', 'not read'],
  ['topic-template', 'no topic template', (d) => { object(d).customProperties.shift(); }, 'no topic template', 'add {property: topicTemplate'],
  ['topic-template', 'a template of a field that there is not', (d) => { object(d).customProperties[0].value = 'shop/{regoin}'; }, 'no field "regoin"', 'did you mean "region"'],
  ['topic-template', 'a template of an optional field', (d) => { property(d, 'region').required = false; }, 'not required', 'required: true'],
  ['topic-template', 'a template of a float', (d) => { object(d).customProperties[0].value = 'shop/{weight}'; property(d, 'weight').required = true; }, 'floating-point', 'choose'],
  ['topic-template', 'a template of a field that can be masked', (d) => { object(d).customProperties[0].value = 'shop/{email}'; property(d, 'email').required = true; }, 'can be masked', 'without "privacy"'],
  ['topic-template', 'a template of an object', (d) => { add({ name: 'o', required: true, logicalType: 'object', properties: [{ name: 'a', logicalType: 'string' }] })(d); object(d).customProperties[0].value = 'shop/{o}'; }, 'is an object', 'choose'],
  ['topic-template', 'a template that goes into a scalar', (d) => { object(d).customProperties[0].value = 'shop/{region.x}'; }, 'is not an object', 'dots'],
  ['topic-template', 'a template through an optional object', (d) => { add({ name: 'o', logicalType: 'object', properties: [{ name: 'a', logicalType: 'string', required: true }] })(d); object(d).customProperties[0].value = 'shop/{o.a}'; }, '"o" is not required', 'required: true'],
  ['topic-template', 'an empty level', (d) => { object(d).customProperties[0].value = 'shop//{region}'; }, 'is empty', 'twice'],
  ['topic-template', 'a level of text and field', (d) => { object(d).customProperties[0].value = 'shop/r-{region}'; }, 'mixes text and field', 'either'],
  ['topic-template', 'a wildcard in a template', (d) => { object(d).customProperties[0].value = 'shop/*'; }, 'not plain text', 'no "*"'],
  ['topic-template', 'too many levels', (d) => { object(d).customProperties[0].value = Array(25).fill('a').join('/'); }, '25 levels', 'at most 24'],
  ['message-key', 'a key of a field that there is not', (d) => { object(d).customProperties[1].value = { fields: ['idd'] }; }, 'no field "idd"', 'did you mean "id"'],
  ['message-key', 'a key of an optional field', (d) => { property(d, 'id').required = false; }, 'not required', 'required: true'],
  ['message-key', 'a key without fields', (d) => { object(d).customProperties[1].value = { fields: [] }; }, 'names no fields', 'fields: ['],
  ['message-key', 'a key with a field twice', (d) => { object(d).customProperties[1].value = { fields: ['id', 'id'] }; }, 'twice', 'keep one'],
  ['message-key', 'a key with unknown members', (d) => { object(d).customProperties[1].value = { fields: ['id'], field: 1 }; }, '"field" is not known', 'did you mean "fields"'],
  ['operations', 'operations that are no list', (d) => { custom(d, 'operations').value = { kind: 'subscribe' }; }, 'not a list', 'kind: subscribe'],
  ['operations', 'an unknown operation', (d) => { custom(d, 'operations').value = [{ kind: 'pubish' }]; }, 'no operation', 'did you mean "publish"'],
  ['operations', 'an operation twice', (d) => { custom(d, 'operations').value.push({ kind: 'query' }); }, 'twice', 'keep one'],
  ['unknown-role', 'a role that is not defined', (d) => { custom(d, 'operations').value[0].roles = ['raeder']; }, '"raeder" is not defined', 'did you mean "reader"'],
  ['replay', 'a replay depth in years', (d) => { custom(d, 'replay').value.maxDepth = 'P1Y'; }, 'not a duration', 'P7D'],
  ['replay', 'a replay from nowhere', (d) => { custom(d, 'replay').value.from = ['lates']; }, 'no start', 'did you mean "latest"'],
  ['replay', 'a replay with unknown members', (d) => { custom(d, 'replay').value.depth = 'P1D'; }, '"depth" is not known', 'known are maxDepth, from'],
  ['deletes', 'deletes that are no boolean', (d) => { d.customProperties.push({ property: 'deletes', value: 'yes' }); }, 'neither true nor false', 'tombstones'],
  ['deletes', 'deletes without key', (d) => { d.customProperties.push({ property: 'deletes', value: true }); object(d).customProperties.pop(); }, 'without a message key', 'messageKey'],
  ['deprecation', 'a notice that is no duration', (d) => { d.customProperties.push({ property: 'deprecation', value: { noticePeriod: 'soon' } }); }, 'not a duration', 'P90D'],
  ['custom-property-place', 'a topic template at the root', (d) => { d.customProperties.push({ property: 'topicTemplate', value: 'a' }); }, 'does not belong here', 'on the schema object'],
  ['custom-property-place', 'operations on the schema object', (d) => { object(d).customProperties.push({ property: 'operations', value: [] }); }, 'does not belong here', 'at the root'],
  ['custom-property-twice', 'replay twice', (d) => { d.customProperties.push(custom(d, 'replay')); }, 'stands here twice', 'keep one'],
  ['field-name', 'a field name with a dash', add({ name: 'order-id' }), 'not a legal GraphQL name', '"orderId"'],
  ['field-name', 'a field name beginning with __', add({ name: '__x' }), 'begins with "__"', '"x"'],
  ['reserved-name', 'a field called and', add({ name: 'and' }), 'operator of filters', 'another name'],
  ['duplicate-field', 'a field twice', add({ name: 'region' }), 'a second "region"', 'unique'],
  ['path', 'a path that is none', add({ physicalName: 'a..b' }), 'not a path', 'joined by dots'],
  ['path', 'a scalar at the enclosing object', add({ physicalName: '.' }), 'enclosing object', 'only an object'],
  ['no-properties', 'an object without properties', add({ logicalType: 'object' }), 'no properties', 'at least one'],
  ['array-items', 'an array without items', add({ logicalType: 'array' }), 'without "items"', 'add "items'],
  ['map-key', 'a map with keys of integers', add({ logicalType: 'map', map: { key: { logicalType: 'integer' }, value: { logicalType: 'string' } } }), 'keys of type integer', 'strings'],
  ['type-name', 'an object whose type is that of the event', add({ name: 'event', logicalType: 'object', properties: [{ name: 'a', logicalType: 'string' }] }), '"OrderEvent"', 'rename'],
  ['integer-width', 'an unsigned integer of 64 bits', add({ logicalType: 'integer', logicalTypeOptions: { format: 'u64' } }), 'do not fit', 'decimal(20,0)'],
  ['decimal', 'a decimal without digits', add({ logicalType: 'number', physicalType: 'decimal' }), 'needs its digits', 'decimal(12,2)'],
  ['decimal', 'a decimal whose scale is above its precision', add({ logicalType: 'number', physicalType: 'decimal(2,3)' }), 'cannot be', 'scale'],
  ['timezone', 'timestamps in another zone', add({ logicalType: 'timestamp', logicalTypeOptions: { defaultTimezone: 'Europe/Berlin' } }), 'Europe/Berlin', 'UTC'],
  ['classification', 'an unknown classification', add({ classification: 'intenal' }), 'no classification', 'did you mean "internal"'],
  ['privacy', 'an unknown masking', add({ customProperties: [{ property: 'privacy', value: { masking: 'hsh' } }] }), 'no masking', 'did you mean "hash"'],
  ['privacy', 'a required field masked with null', add({ required: true, customProperties: [{ property: 'privacy', value: { masking: null } }] }), 'required field', 'hash or redact'],
  ['privacy', 'a number that is hashed', add({ logicalType: 'number', customProperties: [{ property: 'privacy', value: { masking: 'hash' } }] }), 'makes a string', 'null'],
  ['unknown-role', 'privacy for a role that is not defined', add({ customProperties: [{ property: 'privacy', value: { masking: 'hash', visibleTo: ['boss'] } }] }), '"boss" is not defined', 'one of reader, writer'],
  ['derivation', 'CEL that does not parse', add({ transformLogic: 'source.a +' }), 'does not compile', 'source.delay'],
  ['derivation', 'CEL over an unknown variable', add({ transformLogic: 'record.a' }), 'Unknown variable', 'source'],
  ['derivation', 'CEL whose comprehensions are nested', add({ transformLogic: 'source.a.exists(x, source.a.exists(y, source.a.exists(z, x == y && y == z))) ? "a" : "b"' }), 'nested more than 2', 'no bound'],
  ['derivation', 'CEL with a pattern from the record', add({ transformLogic: 'source.a.matches(source.b) ? "a" : "b"' }), 'not a literal', 'as text'],
  ['derivation', 'CEL with a pattern that takes for ever', add({ transformLogic: 'source.a.matches("(a+)+$") ? "a" : "b"' }), 'very long', 'repeated groups'],
  ['derivation-type', 'CEL that gives another type', add({ logicalType: 'integer', transformLogic: '"a" + source.b' }), 'gives string', 'convert'],
  ['nesting', 'objects nested too deep', (d) => {
    let inner: Document = { name: 'leaf', logicalType: 'string' };
    for (let i = 0; i < 40; i++) inner = { name: `o${i}`, logicalType: 'object', properties: [inner] };
    object(d).properties.push(inner);
  }, 'nested more than 32 deep', 'flatten'],
];

describe('the rules beyond the standard', () => {
  test('leave a good document alone', () => {
    expect(findingsOf(() => {})).toEqual([]);
  });

  test.each(broken)('%s: refuses %s, says what is wrong and what would be right', (rule, _label, change, message, hint) => {
    const document = product();
    change(document);
    const { contract, findings } = readContract(yamlOf(document), 'test.odcs.yaml');
    const found = findings.filter((finding) => finding.rule === rule && finding.severity === 'error');
    expect(found.map((finding) => finding.message).join('\n')).toContain(message);
    expect(found.map((finding) => finding.hint).join('\n')).toContain(hint);
    expect(contract).toBeNull();
  });

  test('report everything that is wrong at once', () => {
    const rules = findingsOf((d) => {
      d.name = 'Orders';
      d.version = 'one';
      d.statuss = 'x';
      d.servers[0].format = 'avro';
      property(d, 'total').physicalType = 'decimal';
      object(d).customProperties[0].value = 'shop/{nowhere}';
      custom(d, 'replay').value.maxDepth = 'long';
    }).map((finding) => finding.rule);
    expect(rules).toEqual(expect.arrayContaining(['name', 'version', 'odcs-unknown-key', 'format', 'decimal', 'topic-template', 'replay']));
    expect(rules.length).toBe(7);
  });

  test('warn of what is allowed and likely meant otherwise', () => {
    const warnings = (change: (d: Document) => void) => findingsOf(change).map(({ severity, rule }) => `${severity} ${rule}`);
    expect(warnings((d) => { d.customProperties.push({ property: 'operation', value: [] }); })).toEqual(['warning custom-property']);
    expect(warnings((d) => { d.status = 'deprecated'; })).toEqual(['warning deprecation']);
    expect(warnings(add({ classification: 'restricted' }))).toEqual(['warning classification']);
    expect(warnings(add({ physicalName: 'x', transformLogic: '"x"' }))).toEqual(['warning derivation']);
    expect(warnings((d) => { delete object(d).physicalType; })).toEqual(['warning not-served']);
    expect(warnings((d) => { d.customProperties.shift(); })).toEqual(['warning operations']);
  });

  test('let custom properties of others stand', () => {
    expect(findingsOf((d) => { d.customProperties.push({ property: 'costCentre', value: { any: ['thing'] } }); })).toEqual([]);
  });
});

describe('a contract', () => {
  test('of major 1 has the plain names, of 2 and later names with the major', () => {
    const names = (version: string) => {
      const { major, product: name, fieldName, typeName } = contractOf({ ...product(), name: 'web-orders', version });
      return { major, name, fieldName, typeName };
    };
    expect(names('1.9.3')).toEqual({ major: 1, name: 'web-orders', fieldName: 'webOrders', typeName: 'Order' });
    expect(names('2.0.0-rc.1+b5')).toEqual({ major: 2, name: 'web-orders-v2', fieldName: 'webOrdersV2', typeName: 'OrderV2' });
    expect(names('12.0.0')).toEqual({ major: 12, name: 'web-orders-v12', fieldName: 'webOrdersV12', typeName: 'OrderV12' });
  });

  test('without a Kafka server or without a topic is catalogued, not served', () => {
    const noServer = product();
    noServer.servers = [{ server: 'x', type: 'api', location: 'https://x.example.com' }];
    expect(contractOf(noServer).source).toBeNull();
    const noTopic = product();
    noTopic.schema[0].physicalType = 'table';
    expect(contractOf(noTopic).source).toBeNull();
    const nothing = { apiVersion: 'v3.1.0', kind: 'DataContract', id: 'x', name: 'later', version: '1.0.0', status: 'proposed' };
    expect(contractOf(nothing)).toMatchObject({ source: null, fields: [], template: [], typeName: 'Later' });
  });

  test('of v3.0, v3.1 and v3.2 is read alike', () => {
    for (const apiVersion of ['v3.0.0', 'v3.0.1', 'v3.0.2', 'v3.1.0', 'v3.2.0']) {
      expect(contractOf({ ...product(), apiVersion, team: [{ username: 'ada', role: 'Owner' }] }).owner).toBe('ada');
    }
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
    const { fields } = contractOf(productOf([
      { name: 'a', logicalType: 'integer' },
      { name: 'b', logicalType: 'integer', logicalTypeOptions: { format: 'i64' } },
      { name: 'c', logicalType: 'integer', physicalType: 'bigint' },
      { name: 'd', logicalType: 'integer', logicalTypeOptions: { format: 'u32' } },
      { name: 'e', logicalType: 'integer', logicalTypeOptions: { format: 'u8' } },
      { name: 'f', logicalType: 'timestamp', physicalType: 'timestamp-micros' },
      { name: 'g', logicalType: 'timestamp', logicalTypeOptions: { timezone: true } },
      { name: 'h', logicalType: 'vector', logicalTypeOptions: { dimensions: 3 } },
      { name: 'i', logicalType: 'array', items: { logicalType: 'map', map: { key: { logicalType: 'string' }, value: { logicalType: 'object', required: true, properties: [{ name: 'x', logicalType: 'array', items: { logicalType: 'boolean', required: true } }] } } } },
    ]));
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
        items: { kind: 'map', name: 'OrderIEntry', valuesRequired: true, values: { kind: 'object', name: 'OrderIValue', fields: [{ name: 'x', type: { kind: 'array', itemsRequired: true } }] } },
      },
    });
  });
});

describe('findings', () => {
  const text = `# two lines
# of comment
apiVersion: v3.2.0
kind: DataContract
id: x
name: orders
version: 1.0.0
statuss: active
status: active
servers:
  - {server: a, type: kafka, format: json}
schema:
  - name: OrderEvent
    physicalName: "a b"
    physicalType: topic
    properties: &shared
      - name: id
        logicalType: strin
        required: true
customProperties:
  - property: replay
    value:
      maxDepth:
`;

  test('have the line and column of the node at fault', () => {
    const { findings } = readContract(text, 'dir/orders.odcs.yaml');
    expect(findings.map(({ rule, line, column }) => [rule, line, column])).toEqual([
      ['odcs-unknown-key', 8, 1],
      ['odcs-missing', 11, 5],
      ['topic-template', 13, 5],
      ['kafka-topic', 14, 19],
      ['odcs-value', 18, 22],
      ['operations', 20, 1],
      ['replay', 23, 7],
    ].map((entry) => (entry[0] === 'operations' ? ['operations', 21, 3] : entry)));
    expect(new Set(findings.map((finding) => finding.file))).toEqual(new Set(['dir/orders.odcs.yaml']));
  });

  test('print like those of a compiler, with the line and a caret under the column', () => {
    const { findings } = readContract(text, 'orders.odcs.yaml');
    const printed = formatFindings(findings.filter(({ rule }) => rule === 'kafka-topic'), { text });
    expect(printed).toBe(
      [
        'orders.odcs.yaml:14:19: error: "a b" is not a legal name of a Kafka topic [kafka-topic]',
        '  14 |     physicalName: "a b"',
        '     |                   ^',
        '  = letters, digits, ".", "_" and "-", at most 249',
      ].join('\n'),
    );
    expect(formatFindings(findings)).toContain('orders.odcs.yaml:14:19: error:');
  });

  test('point at the alias where a part of the document stands in two places', () => {
    const aliased = `apiVersion: v3.2.0\nkind: DataContract\nid: &x {a: 1}\nname: *x\nversion: 1.0.0\nstatus: active\n`;
    const found = readContract(aliased, 'f').findings.filter(({ rule }) => rule === 'odcs-type');
    expect(found.map(({ line, column }) => [line, column])).toEqual([[3, 8], [4, 7]]);
  });

  test.each([
    ['broken YAML', 'a: [1,\nb: 2', 'yaml'],
    ['a key twice', 'name: a\nname: b\n', 'yaml'],
    ['two documents', 'a: 1\n---\nb: 2\n', 'yaml'],
    ['a list', '- a\n- b\n', 'yaml'],
    ['nothing', '', 'yaml'],
    ['text', 'just text', 'yaml'],
    ['an alias of nothing', 'a: *nothing\n', 'yaml'],
    ['aliases that multiply', `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.split('').map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefg'[i]}`).join(',')}]`).join('\n')}\n`, 'yaml'],
    ['nesting without end', `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'yaml'],
    ['a file that is too large', `a: "${'x'.repeat(2 * 1024 * 1024)}"`, 'yaml'],
  ])('%s is a finding, not an exception', (_label, document, rule) => {
    const { contract, findings } = readContract(document, 'f.odcs.yaml');
    expect(contract).toBeNull();
    expect(findings[0]).toMatchObject({ rule, severity: 'error', file: 'f.odcs.yaml' });
    expect(findings[0]?.line).toBeGreaterThan(0);
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
    const check = (change: (document: Document) => void) => checkCatalogue([first, named(change, 'b.odcs.yaml')]).map(({ rule, file }) => [rule, file]);
    expect(check(() => {})).toEqual([['unique-product', 'b.odcs.yaml']]);
    expect(check((d) => { d.version = '2.0.0'; })).toEqual([]);
    expect(check((d) => { d.name = 'parcels'; })).toEqual([['unique-type', 'b.odcs.yaml']]);
    expect(check((d) => { d.name = 'parcels'; object(d).name = 'ParcelEvent'; })).toEqual([]);
    const digits = named((d) => { d.name = 'a1-b'; object(d).name = 'One'; }, 'c.odcs.yaml');
    const same = named((d) => { d.name = 'a1b'; object(d).name = 'Two'; }, 'd.odcs.yaml');
    expect(checkCatalogue([digits, same])).toEqual([]);
    const nested = named((d) => {
      d.name = 'parcels';
      object(d).name = 'Par';
      object(d).properties.push({ name: 'cel', logicalType: 'object', properties: [{ name: 'a', logicalType: 'string' }] });
    }, 'e.odcs.yaml');
    const other = named((d) => { d.name = 'mail'; object(d).name = 'ParCel'; }, 'f.odcs.yaml');
    expect(checkCatalogue([nested, other]).map(({ rule, message }) => [rule, message.includes('"ParCel"')])).toEqual([['unique-type', true]]);
  });

  test('names clusters that are configured', () => {
    const contract = named(() => {}, 'a.odcs.yaml');
    expect(checkCatalogue([contract], { clusters: ['main'] })).toEqual([]);
    expect(checkCatalogue([contract], { clusters: ['mian'] })).toMatchObject([{ rule: 'cluster', hint: 'did you mean "mian"?' }]);
  });
});
