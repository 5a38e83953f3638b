/** A table of changes of one contract, and whom each concerns: `kind rule path`, in order. The version is a matter of its own. */
import { type Document, product } from './documents.ts';

export interface Row {
  readonly title: string;
  /** Of the old document too. */
  readonly from?: (document: Document) => void;
  readonly change: (document: Document) => void;
  readonly expected: readonly string[];
}

const fields = (d: Document): Document[] => d.schema[0].properties;
const field = (d: Document, name: string): Document => fields(d).find((one) => one.name === name);
const add =
  (...more: Document[]) =>
  (d: Document) =>
    void fields(d).push(...structuredClone(more));
const set = (name: string, members: Document) => (d: Document) => void Object.assign(field(d, name), members);
const unset = (name: string, member: string) => (d: Document) => {
  delete field(d, name)[member];
};
const remove = (name: string) => (d: Document) => {
  d.schema[0].properties = fields(d).filter((one) => one.name !== name);
};
const custom = (d: Document, name: string): Document =>
  d.customProperties.find((one: Document) => one.property === name);
const root = (members: Document) => (d: Document) => void Object.assign(d, members);
const operations = (d: Document): Document[] => custom(d, 'operations').value;
const put = (property: string, value: unknown) => (d: Document) => {
  d.customProperties = [
    ...d.customProperties.filter((one: Document) => one.property !== property),
    { property, value },
  ];
};
const privacy = (value: Document) => set('email', { customProperties: [{ property: 'privacy', value }] });
const integer = (format: string) => ({ name: 'n', logicalType: 'integer', logicalTypeOptions: { format } });
const decimal = (digits: string) => set('total', { physicalType: `decimal(${digits})` });
const when = (physicalType?: string, more: Document = {}) => ({
  name: 'at',
  logicalType: 'timestamp',
  ...(physicalType === undefined ? {} : { physicalType }),
  ...more,
});
const replace = (one: Document) => (d: Document) => {
  d.schema[0].properties = fields(d).map((old) => (old.name === one.name ? structuredClone(one) : old));
};
const route = (more: Document[] = []) => ({
  name: 'route',
  logicalType: 'object',
  properties: [{ name: 'from', logicalType: 'string', required: true }, { name: 'to', logicalType: 'string' }, ...more],
});
const legs = (items: Document) => ({ name: 'legs', logicalType: 'array', items });
const labels = (value: Document) => ({
  name: 'labels',
  logicalType: 'map',
  map: { key: { logicalType: 'string' }, value },
});
const roles = (d: Document, kind: string, names: string[]): void => {
  operations(d).find((one) => one.kind === kind).roles = names;
};

export const rows: readonly Row[] = [
  // Fields that come and go.
  {
    title: 'an optional field is added',
    change: add({ name: 'note', logicalType: 'string' }),
    expected: ['compatible field-added fields.note'],
  },
  {
    title: 'a required field is added',
    change: add({ name: 'note', logicalType: 'string', required: true }),
    expected: ['breaking-publishers field-required fields.note'],
  },
  {
    title: 'a required derived field is added',
    change: add({ name: 'big', logicalType: 'boolean', required: true, transformLogic: 'source.total > 100' }),
    expected: ['compatible field-added fields.big'],
  },
  {
    title: 'an optional object with required fields is added',
    change: add(route()),
    expected: ['compatible field-added fields.route'],
  },
  {
    title: 'a field is removed',
    change: remove('weight'),
    expected: ['breaking-readers field-removed fields.weight', 'breaking-publishers field-removed fields.weight'],
  },
  {
    title: 'a field is removed where nobody publishes',
    from: (d) => void operations(d).pop(),
    change: remove('weight'),
    expected: ['breaking-readers field-removed fields.weight'],
  },
  {
    title: 'a derived field is removed',
    from: add({ name: 'big', logicalType: 'boolean', transformLogic: 'source.total > 100' }),
    change: remove('big'),
    expected: ['breaking-readers field-removed fields.big'],
  },
  {
    title: 'a field is renamed',
    change: set('weight', { name: 'mass', physicalName: 'weight' }),
    expected: [
      'breaking-readers field-removed fields.weight',
      'breaking-publishers field-removed fields.weight',
      'compatible field-added fields.mass',
    ],
  },
  {
    title: 'the order of fields changes',
    change: (d) => void fields(d).reverse(),
    expected: ['documentation field-order fields'],
  },
  // Nested.
  {
    title: 'a field is added to an object',
    from: add(route()),
    change: (d) => void field(d, 'route').properties.push({ name: 'via', logicalType: 'string' }),
    expected: ['compatible field-added fields.route.via'],
  },
  {
    title: 'a required field is added to an object',
    from: add(route()),
    change: (d) => void field(d, 'route').properties.push({ name: 'via', logicalType: 'string', required: true }),
    expected: ['breaking-publishers field-required fields.route.via'],
  },
  {
    title: 'a field is removed from an object',
    from: add(route()),
    change: (d) => void field(d, 'route').properties.pop(),
    expected: ['breaking-readers field-removed fields.route.to', 'breaking-publishers field-removed fields.route.to'],
  },
  {
    title: 'a field is retyped in the objects of a list',
    from: add(legs({ logicalType: 'object', properties: route().properties })),
    change: (d) => {
      field(d, 'legs').items.properties[1].logicalType = 'integer';
    },
    expected: ['breaking-readers field-type fields.legs.to', 'breaking-publishers field-type fields.legs.to'],
  },
  {
    title: 'a field is made optional in the objects of a map',
    from: add(labels({ logicalType: 'object', properties: route().properties })),
    change: (d) => {
      field(d, 'labels').map.value.properties[0].required = false;
    },
    expected: ['breaking-readers field-optional fields.labels.from'],
  },
  // Types.
  {
    title: 'a string becomes a number',
    from: add({ name: 'n', logicalType: 'string' }),
    change: set('n', { logicalType: 'number' }),
    expected: ['breaking-readers field-type fields.n', 'breaking-publishers field-type fields.n'],
  },
  {
    title: 'an int becomes a long',
    from: add(integer('i32')),
    change: replace(integer('i64')),
    expected: ['breaking-readers field-type fields.n', 'breaking-publishers field-type fields.n'],
  },
  {
    title: 'a string becomes a list of strings',
    from: add({ name: 'legs', logicalType: 'string' }),
    change: replace(legs({ logicalType: 'string' })),
    expected: ['breaking-readers field-type fields.legs', 'breaking-publishers field-type fields.legs'],
  },
  {
    title: 'a map becomes an object',
    from: add({ ...labels({ logicalType: 'string' }), name: 'route' }),
    change: replace(route()),
    expected: ['breaking-readers field-type fields.route', 'breaking-publishers field-type fields.route'],
  },
  {
    title: 'items of a list are retyped',
    from: add(legs({ logicalType: 'string' })),
    change: replace(legs({ logicalType: 'boolean' })),
    expected: ['breaking-readers field-type fields.legs', 'breaking-publishers field-type fields.legs'],
  },
  {
    title: 'items of a list may be null',
    from: add(legs({ logicalType: 'string', required: true })),
    change: replace(legs({ logicalType: 'string' })),
    expected: ['breaking-readers items-optional fields.legs'],
  },
  {
    title: 'items of a list may no longer be null',
    from: add(legs({ logicalType: 'string' })),
    change: replace(legs({ logicalType: 'string', required: true })),
    expected: ['breaking-publishers items-required fields.legs'],
  },
  {
    title: 'values of a map may be null',
    from: add(labels({ logicalType: 'string', required: true })),
    change: replace(labels({ logicalType: 'string' })),
    expected: ['breaking-readers values-optional fields.labels'],
  },
  {
    title: 'values of a map may no longer be null',
    from: add(labels({ logicalType: 'string' })),
    change: replace(labels({ logicalType: 'string', required: true })),
    expected: ['breaking-publishers values-required fields.labels'],
  },
  {
    title: 'a small integer is widened',
    from: add(integer('i8')),
    change: replace(integer('i16')),
    expected: ['breaking-readers field-widened fields.n'],
  },
  {
    title: 'an integer is narrowed',
    from: add(integer('i32')),
    change: replace(integer('u8')),
    expected: ['breaking-publishers field-narrowed fields.n'],
  },
  {
    title: 'an integer is moved to another range',
    from: add(integer('i8')),
    change: replace(integer('u8')),
    expected: ['breaking-readers field-widened fields.n', 'breaking-publishers field-narrowed fields.n'],
  },
  {
    title: 'a long of 32 bits is widened',
    from: add(integer('u32')),
    change: replace(integer('i64')),
    expected: ['compatible field-widened fields.n'],
  },
  {
    title: 'a long is narrowed',
    from: add(integer('i64')),
    change: replace(integer('u32')),
    expected: ['breaking-publishers field-narrowed fields.n'],
  },
  {
    title: 'a decimal has more digits',
    change: decimal('14,2'),
    expected: ['breaking-readers field-widened fields.total'],
  },
  {
    title: 'a decimal has fewer digits',
    change: decimal('10,2'),
    expected: ['breaking-publishers field-narrowed fields.total'],
  },
  {
    title: 'a decimal has more places',
    change: decimal('13,3'),
    expected: ['breaking-readers field-scale fields.total', 'breaking-publishers field-scale fields.total'],
  },
  {
    title: 'a decimal has fewer places',
    change: decimal('11,1'),
    expected: ['breaking-readers field-scale fields.total', 'breaking-publishers field-scale fields.total'],
  },
  {
    title: 'a timestamp is held in finer units',
    from: add(when('timestamp-millis')),
    change: replace(when('timestamp-micros')),
    expected: ['compatible field-form fields.at'],
  },
  {
    title: 'a timestamp is held in coarser units',
    from: add(when('timestamp-millis')),
    change: replace(when('epoch-seconds')),
    expected: ['breaking-publishers field-narrowed fields.at'],
  },
  {
    title: 'timestamps must name their offset',
    from: add(when()),
    change: replace(when(undefined, { logicalTypeOptions: { timezone: true } })),
    expected: ['breaking-publishers field-narrowed fields.at'],
  },
  {
    title: 'timestamps need not name their offset',
    from: add(when(undefined, { logicalTypeOptions: { timezone: true } })),
    change: replace(when()),
    expected: ['compatible field-form fields.at'],
  },
  // Presence.
  {
    title: 'a required field becomes optional',
    change: unset('total', 'required'),
    expected: ['breaking-readers field-optional fields.total'],
  },
  {
    title: 'an optional field becomes required',
    change: set('weight', { required: true }),
    expected: ['breaking-publishers field-required fields.weight'],
  },
  {
    title: 'an optional derived field becomes required',
    from: add({ name: 'big', logicalType: 'boolean', transformLogic: 'source.total > 100' }),
    change: set('big', { required: true }),
    expected: ['compatible field-required fields.big'],
  },
  // Where values are from.
  {
    title: 'a field is read from another path',
    change: set('weight', { physicalName: 'parcel.weight' }),
    expected: ['compatible field-path fields.weight'],
  },
  {
    title: 'a derivation changes',
    change: set('status', { transformLogic: 'source.paid ? "done" : "open"' }),
    expected: ['breaking-readers derivation fields.status'],
  },
  {
    title: 'a field is derived now',
    change: set('weight', { transformLogic: 'source.grams / 1000.0' }),
    expected: ['breaking-readers derivation fields.weight', 'breaking-publishers derivation fields.weight'],
  },
  {
    title: 'a required field is no longer derived',
    change: unset('status', 'transformLogic'),
    expected: ['breaking-readers derivation fields.status', 'breaking-publishers derivation fields.status'],
  },
  // Masks.
  {
    title: 'a field is masked',
    from: unset('email', 'customProperties'),
    change: privacy({ masking: 'hash', visibleTo: ['writer'] }),
    expected: ['breaking-readers mask fields.email'],
  },
  {
    title: 'a hash is taken away',
    change: unset('email', 'customProperties'),
    expected: ['breaking-readers mask fields.email'],
  },
  {
    title: 'a null mask is taken away',
    from: privacy({ masking: 'null', visibleTo: ['writer'] }),
    change: unset('email', 'customProperties'),
    expected: ['compatible mask fields.email'],
  },
  {
    title: 'a redaction of an optional field is taken away',
    from: privacy({ masking: 'redact', visibleTo: [] }),
    change: unset('email', 'customProperties'),
    expected: ['breaking-readers mask fields.email'],
  },
  {
    title: 'a redaction of a required field is taken away',
    from: (d) => {
      set('email', { required: true })(d);
      privacy({ masking: 'redact', visibleTo: [] })(d);
    },
    change: unset('email', 'customProperties'),
    expected: ['compatible mask fields.email'],
  },
  {
    title: 'a hash becomes a redaction',
    change: privacy({ masking: 'redact', visibleTo: ['writer'] }),
    expected: ['breaking-readers mask fields.email'],
  },
  {
    title: 'a role sees less',
    change: privacy({ masking: 'hash', visibleTo: [] }),
    expected: ['breaking-readers mask fields.email'],
  },
  {
    title: 'a role sees more instead of null',
    from: privacy({ masking: 'null', visibleTo: [] }),
    change: privacy({ masking: 'null', visibleTo: ['reader'] }),
    expected: ['compatible mask fields.email'],
  },
  // Words.
  {
    title: 'a field is deprecated',
    change: set('weight', { deprecated: true, description: 'Use mass.' }),
    expected: ['documentation field-deprecated fields.weight'],
  },
  {
    title: 'a field is no longer deprecated',
    from: set('weight', { deprecated: true }),
    change: unset('weight', 'deprecated'),
    expected: ['documentation field-deprecated fields.weight'],
  },
  {
    title: 'a documented value is added',
    from: set('status', { enum: [{ value: 'paid' }, { value: 'open' }] }),
    change: set('status', { enum: [{ value: 'paid' }, { value: 'open' }, { value: 'lost' }] }),
    expected: ['documentation values fields.status'],
  },
  {
    title: 'a documented value is removed',
    from: set('status', { enum: [{ value: 'paid' }, { value: 'open' }] }),
    change: set('status', { enum: [{ value: 'paid' }] }),
    expected: ['documentation values fields.status'],
  },
  {
    title: 'what is said of a value changes',
    from: set('status', { enum: [{ value: 'paid' }] }),
    change: set('status', { enum: [{ value: 'paid', label: 'Paid in full' }] }),
    expected: ['documentation values fields.status'],
  },
  {
    title: 'a field is described',
    change: set('weight', { description: 'In kg.' }),
    expected: ['documentation description fields.weight'],
  },
  {
    title: 'a field is classified',
    change: set('weight', { classification: 'internal' }),
    expected: ['documentation classification fields.weight'],
  },
  {
    title: 'a field has examples',
    change: set('weight', { examples: [1.5] }),
    expected: ['documentation examples fields.weight'],
  },
  {
    title: 'a string has a format',
    change: set('region', { logicalTypeOptions: { format: 'uuid' } }),
    expected: ['documentation format fields.region'],
  },
  {
    title: 'a string is said to be short',
    change: set('region', { logicalTypeOptions: { maxLength: 3 } }),
    expected: ['documentation document fields.region'],
  },
  {
    title: 'purpose, tags, owner, support and service levels change',
    change: root({
      description: { purpose: 'Orders.' },
      tags: ['shop'],
      team: { name: 'Shop' },
      support: [{ channel: 'chat', url: 'https://chat.example.com', tool: 'slack' }],
      slaProperties: [{ property: 'latency', value: 2, unit: 's' }],
    }),
    expected: [
      'documentation description description',
      'documentation tags tags',
      'documentation owner team',
      'documentation support support',
      'documentation sla slaProperties',
    ],
  },
  {
    title: 'the title changes',
    change: (d) => {
      d.schema[0].businessName = 'All orders';
    },
    expected: ['documentation title title'],
  },
  {
    title: 'the definition is linked',
    change: root({ authoritativeDefinitions: [{ url: 'https://example.com/orders', type: 'canonicalUrl' }] }),
    expected: ['documentation definition authoritativeDefinitions', 'documentation document authoritativeDefinitions'],
  },
  {
    title: 'the price changes',
    change: root({ price: { priceAmount: 1, priceCurrency: 'EUR', priceUnit: 'event' } }),
    expected: ['documentation document price'],
  },
  {
    title: 'a custom property of others changes',
    change: put('costCentre', 7),
    expected: ['documentation custom-property customProperties.costCentre'],
  },
  {
    title: 'a field has quality rules',
    change: set('weight', { quality: [{ metric: 'nullValues', mustBe: 0 }] }),
    expected: ['documentation document fields.weight'],
  },
  // Address.
  {
    title: 'a level of the topic template changes',
    change: (d) => {
      d.schema[0].customProperties[0].value = 'shop/{region}/{id}';
    },
    expected: ['breaking-readers topic-template topicTemplate'],
  },
  {
    title: 'a level is appended to the topic template',
    change: (d) => {
      d.schema[0].customProperties[0].value = 'shop/{region}/{status}/{id}';
    },
    expected: ['breaking-readers topic-template topicTemplate'],
  },
  {
    title: 'the message key changes',
    change: (d) => {
      d.schema[0].customProperties[1].value.fields = ['region', 'id'];
    },
    expected: ['breaking-readers message-key messageKey'],
  },
  {
    title: 'the message key goes',
    change: (d) => void d.schema[0].customProperties.pop(),
    expected: ['breaking-readers message-key messageKey'],
  },
  {
    title: 'a message key comes',
    from: (d) => void d.schema[0].customProperties.pop(),
    change: (d) => void d.schema[0].customProperties.push({ property: 'messageKey', value: { fields: ['id'] } }),
    expected: ['compatible message-key messageKey'],
  },
  { title: 'deletes come', change: put('deletes', true), expected: ['breaking-readers deletes deletes'] },
  {
    title: 'deletes go',
    from: put('deletes', true),
    change: put('deletes', false),
    expected: ['breaking-readers deletes deletes', 'breaking-publishers deletes deletes'],
  },
  // Operations.
  {
    title: 'publishing is offered',
    from: (d) => void operations(d).pop(),
    change: (d) => void operations(d).push({ kind: 'publish', roles: ['writer'] }),
    expected: ['compatible operation-added operations.publish'],
  },
  {
    title: 'publishing is no longer offered',
    change: (d) => void operations(d).pop(),
    expected: ['breaking-publishers operation-removed operations.publish'],
  },
  {
    title: 'history is no longer offered',
    change: (d) => void operations(d).splice(1, 1),
    expected: ['breaking-readers operation-removed operations.query'],
  },
  {
    title: 'subscriptions are no longer offered',
    change: (d) => void operations(d).shift(),
    expected: ['breaking-readers operation-removed operations.subscribe'],
  },
  {
    title: 'another role may subscribe',
    change: (d) => roles(d, 'subscribe', ['reader', 'writer']),
    expected: ['compatible roles operations.subscribe'],
  },
  {
    title: 'another role is needed to subscribe',
    change: (d) => roles(d, 'subscribe', ['writer']),
    expected: ['breaking-readers roles operations.subscribe', 'compatible roles operations.subscribe'],
  },
  {
    title: 'a role is needed to publish',
    from: (d) => roles(d, 'publish', []),
    change: (d) => roles(d, 'publish', ['writer']),
    expected: ['breaking-publishers roles operations.publish'],
  },
  {
    title: 'no role is needed to query',
    change: (d) => roles(d, 'query', []),
    expected: ['compatible roles operations.query'],
  },
  // Replay.
  {
    title: 'less may be replayed',
    change: (d) => {
      custom(d, 'replay').value.maxDepth = 'P1D';
    },
    expected: ['breaking-readers replay-depth replay.maxDepth'],
  },
  {
    title: 'more may be replayed',
    change: (d) => {
      custom(d, 'replay').value.maxDepth = 'P30D';
    },
    expected: ['compatible replay-depth replay.maxDepth'],
  },
  {
    title: 'all that is held may be replayed, from anywhere',
    change: put('replay', {}),
    expected: [
      'compatible replay-depth replay.maxDepth',
      'compatible replay-from replay.from',
      'compatible replay-from replay.from',
    ],
  },
  {
    title: 'cursors are no start any more',
    change: (d) => {
      custom(d, 'replay').value.from = ['latest'];
    },
    expected: ['breaking-readers replay-from replay.from'],
  },
  // Names.
  {
    title: 'the product has another name',
    change: root({ name: 'purchases' }),
    expected: ['breaking-readers name name', 'breaking-publishers name name', 'documentation title title'],
  },
  {
    title: 'the type has another name',
    change: (d) => {
      d.schema[0].name = 'PurchaseEvent';
    },
    expected: ['breaking-readers type-name schema.name', 'breaking-publishers type-name schema.name'],
  },
  {
    title: 'the tenant, with which event types begin, changes',
    change: root({ tenant: 'acme' }),
    expected: ['breaking-readers event-type tenant', 'breaking-publishers event-type tenant'],
  },
  {
    title: 'the domain, with which event types begin, changes',
    from: root({ domain: 'shop' }),
    change: root({ domain: 'sales' }),
    expected: ['breaking-readers event-type domain', 'breaking-publishers event-type domain'],
  },
  {
    title: 'the domain changes where event types begin with the tenant',
    from: root({ tenant: 'acme', domain: 'shop' }),
    change: root({ domain: 'sales' }),
    expected: ['documentation domain domain'],
  },
  // Where events are.
  {
    title: 'the events are in another Kafka topic',
    change: (d) => {
      d.schema[0].physicalName = 'shop.orders.v2';
    },
    expected: ['compatible source source'],
  },
  {
    title: 'the events are on another cluster',
    change: (d) => {
      d.servers[0].server = 'other';
    },
    expected: ['compatible source source', 'documentation document servers'],
  },
  {
    title: 'the product is no longer served',
    change: (d) => {
      delete d.servers;
    },
    expected: ['breaking-readers served source', 'breaking-publishers served source', 'documentation document servers'],
  },
  // Life-cycle.
  { title: 'it is deprecated', change: root({ status: 'deprecated' }), expected: ['documentation status status'] },
  {
    title: 'it is no longer deprecated',
    from: root({ status: 'deprecated' }),
    change: root({ status: 'active' }),
    expected: ['documentation status status'],
  },
  {
    title: 'it is retired after it was deprecated',
    from: root({ status: 'deprecated' }),
    change: root({ status: 'retired' }),
    expected: ['documentation status status'],
  },
  {
    title: 'it is retired without notice',
    change: root({ status: 'retired' }),
    expected: ['breaking-readers status status'],
  },
  {
    title: 'it becomes a draft again',
    change: root({ status: 'draft' }),
    expected: ['breaking-readers status status'],
  },
  {
    title: 'a draft becomes active',
    from: root({ status: 'draft' }),
    change: root({ status: 'active' }),
    expected: ['compatible status status'],
  },
  {
    title: 'a proposal becomes a draft',
    from: root({ status: 'proposed' }),
    change: root({ status: 'draft' }),
    expected: ['documentation status status'],
  },
  {
    title: 'the notice names a successor and a period',
    from: (d) => {
      root({ status: 'deprecated' })(d);
      put('deprecation', { noticePeriod: 'P30D' })(d);
    },
    change: put('deprecation', { noticePeriod: 'P90D', successor: 'orders-v2' }),
    expected: ['documentation deprecation deprecation', 'documentation deprecation deprecation'],
  },
];

/** The documents of a row before and after. */
export function documentsOf({ from, change }: Row): { readonly old: Document; readonly now: Document } {
  const [old, now] = [product(), product()];
  for (const document of [old, now]) from?.(document);
  change(now);
  return { old, now };
}
