/** Contracts as literals, for tests that need no ODCS file. */
import {
  type Contract,
  type Field,
  type FieldType,
  type Masking,
  sealContract,
} from '../../src/core/contract/index.ts';

export function field(name: string, type: FieldType | FieldType['kind'], more: Partial<Field> = {}): Field {
  return {
    name,
    type: typeof type === 'string' ? ({ kind: type } as FieldType) : type,
    required: false,
    description: null,
    path: [name],
    derivation: null,
    deprecated: null,
    values: [],
    classification: null,
    privacy: null,
    mask: null,
    examples: [],
    format: null,
    ...more,
  };
}

export function masked(masking: Masking): Partial<Field> {
  return { mask: masking, privacy: { masking, visibleTo: ['insider'] } };
}

export function contract(parts: Partial<Contract> & Pick<Contract, 'name' | 'typeName' | 'fields'>): Contract {
  return sealContract({
    major: 1,
    product: parts.name,
    fieldName: parts.name,
    version: '1.0.0',
    status: 'active',
    title: parts.typeName,
    domain: null,
    tenant: null,
    description: { purpose: null, usage: null, limitations: null },
    tags: [],
    owner: null,
    support: [],
    definition: null,
    sla: [],
    source: { cluster: 'main', topic: parts.name, format: 'json', envelope: 'none' },
    template: [{ literal: parts.name }],
    templateText: parts.name,
    messageKey: [],
    operations: { subscribe: { roles: [] }, query: { roles: [] } },
    replay: { maxDepthMs: null, from: ['latest', 'earliest', 'time', 'cursor'] },
    deletes: false,
    deprecation: null,
    restriction: { topics: null, rows: null, replayMs: null, salt: null },
    file: `${parts.name}.odcs.yaml`,
    ...parts,
  });
}

/** Twelve flat fields, nesting, a derived field, documented values, a key, every operation. */
export const flights = contract({
  name: 'flights',
  typeName: 'Flight',
  title: 'Flights',
  description: {
    purpose: 'Departures and arrivals of scheduled flights.',
    usage: 'Subscribe by airport.',
    limitations: 'At least once.',
  },
  owner: 'Flight Operations',
  domain: 'aviation',
  tags: ['aviation', 'live'],
  sla: [{ property: 'latency', value: '2', unit: 's' }],
  template: [{ literal: 'aviation' }, { field: ['origin'] }, { field: ['destination'] }, { field: ['status'] }],
  templateText: 'aviation/{origin}/{destination}/{status}',
  messageKey: ['flightId'],
  operations: { subscribe: { roles: [] }, query: { roles: [] }, publish: { roles: [] } },
  fields: [
    field('flightId', 'string', { required: true, description: 'Identifies the flight.' }),
    field('origin', 'string', { required: true }),
    field('destination', 'string', { required: true }),
    field('status', 'string', {
      required: true,
      values: [
        { value: 'DEP', label: 'departed', description: null },
        { value: 'ARR', label: null, description: null },
      ],
    }),
    field('delay', 'int', { deprecated: 'Use "minutesLate"' }),
    field('minutesLate', 'int', { derivation: 'source.delay', path: [] }),
    field('distance', 'long', { required: true }),
    field('fare', 'decimal'),
    field('speed', 'number'),
    field('cancelled', 'boolean', { required: true }),
    field('day', 'date'),
    field('departedAt', 'timestamp'),
    field('boarding', 'time'),
    field('route', {
      kind: 'object',
      name: 'FlightRoute',
      fields: [
        field('carrier', 'string', { required: true }),
        field('legs', {
          kind: 'array',
          itemsRequired: true,
          items: {
            kind: 'object',
            name: 'FlightRouteLegs',
            fields: [field('from', 'string', { required: true }), field('to', 'string')],
          },
        }),
        field('grid', {
          kind: 'array',
          itemsRequired: false,
          items: { kind: 'array', itemsRequired: true, items: { kind: 'int' } },
        }),
      ],
    }),
    field('labels', { kind: 'map', name: 'FlightLabels', values: { kind: 'string' }, valuesRequired: true }),
  ],
});

/** Every mask, deletes, a key of several fields of which one is masked, no publishing. */
export const orders = contract({
  name: 'orders',
  typeName: 'Order',
  title: 'Orders',
  deletes: true,
  messageKey: ['orderId', 'customer'],
  restriction: { topics: null, rows: null, replayMs: null, salt: 'c2FsdCBvZiBhbiBhcHBsaWNhdGlvbg' },
  fields: [
    field('orderId', 'string', { required: true }),
    field('customer', 'string', { required: true, ...masked('hash') }),
    field('card', 'long', { required: true, ...masked('redact') }),
    field('total', 'decimal', { ...masked('null') }),
    field('address', {
      kind: 'object',
      name: 'OrderAddress',
      fields: [field('city', 'string'), field('street', 'string', masked('redact'))],
    }),
    field('contacts', {
      kind: 'array',
      itemsRequired: true,
      items: {
        kind: 'object',
        name: 'OrderContacts',
        fields: [field('mail', 'string', masked('hash')), field('kind', 'string')],
      },
    }),
    field('profile', { kind: 'object', name: 'OrderProfile', fields: [field('age', 'int')] }, masked('hash')),
  ],
});
