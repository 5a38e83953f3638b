/** The messages about events: one that is received, one that is published, and what publishing answers. */
import type { Contract } from '../../contract/index.ts';
import { eventTypeOf, partitionSource } from '../events.ts';
import { sentences } from '../text.ts';
import { exampleData } from './example.ts';
import { exampleTopic } from './parameters.ts';
import { type Json, objectSchema, type Schemas } from './schema.ts';
import { given, received } from './side.ts';

export const CLOUD_EVENT = 'application/cloudevents+json';

/** What cursors look like; they are opaque. */
export const CURSOR_EXAMPLE = 'AQdvcGFxdWUtY3Vyc29y';
const TIME_EXAMPLE = '2026-01-31T12:00:00.000Z';

export const cursorSchema: Json = {
  type: 'string',
  description: 'Opaque. Give it back as "after" to go on right after this message, on any node and under any filter.',
};

const traceparent: Json = {
  type: 'string',
  pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$',
  description: 'W3C Trace Context.',
};

/** An enum has a name of its own, like objects: generators make a type of it. */
const changeOp: Json = { type: 'string', enum: ['UPSERT', 'DELETE'], description: 'DELETE: there is no data.' };

/** As view/cloud-event.ts writes it. */
export function eventMessage(schemas: Schemas, contract: Contract): Json {
  const { title, typeName, description, deletes, messageKey, template } = contract;
  const name = `${typeName}Event`;
  const payload = schemas.add(name, () => ({
    type: 'object',
    description: `${title}: an event with its position.`,
    required: [
      ...['specversion', 'id', 'source', 'type'],
      ...(template.length > 0 ? ['subject'] : []),
      ...['time', 'sequence'],
      ...(deletes ? ['op'] : []),
      ...['cursor', 'datacontenttype', 'data'],
    ],
    properties: {
      specversion: { type: 'string', const: '1.0' },
      id: {
        type: 'string',
        description:
          'With source it tells this event from every other: the same event has the same id, whoever sends it.',
      },
      source: {
        type: 'string',
        format: 'uri-reference',
        description: 'The partition. Order is kept within one, hence per key.',
      },
      type: { type: 'string', const: eventTypeOf(contract) },
      ...(template.length > 0
        ? { subject: { type: 'string', description: `The topic: ${contract.templateText}` } }
        : {}),
      time: { type: 'string', format: 'date-time', description: 'When the event was recorded.' },
      ...(messageKey.length > 0
        ? {
            partitionkey: {
              type: 'string',
              description: `The public key: ${messageKey.join(', ')}${messageKey.length > 1 ? ', as a JSON array' : ''}.`,
            },
          }
        : {}),
      sequence: {
        type: 'string',
        pattern: '^[0-9]{19}$',
        description: 'Grows within the partition; equal length, so that text compares like the number.',
      },
      traceparent,
      ...(deletes ? { op: schemas.add('ChangeOp', () => changeOp) } : {}),
      cursor: cursorSchema,
      datacontenttype: { type: 'string', const: 'application/json' },
      data: objectSchema(schemas, received, {
        name: typeName,
        fields: contract.fields,
        nullable: deletes,
        notes: {
          description: sentences(description.purpose ?? title, deletes ? 'Null exactly where op is DELETE' : null),
        },
      }),
    },
  }));
  return {
    name,
    title,
    ...(description.purpose === null ? {} : { summary: description.purpose }),
    contentType: CLOUD_EVENT,
    payload,
    examples: eventExamples(contract),
    ...(messageKey.length === 0 ? {} : { 'x-sluice-key': messageKey }),
  };
}

function eventExamples(contract: Contract): readonly Json[] {
  const { deletes, template, product } = contract;
  const data = exampleData(contract.fields, received);
  const event = (offset: number, op: 'UPSERT' | 'DELETE'): Json => ({
    specversion: '1.0',
    id: `k3JvVt1kQm-3-${offset}`,
    source: `${partitionSource(product)}3`,
    type: eventTypeOf(contract),
    ...(template.length > 0 ? { subject: exampleTopic(contract, data, op === 'DELETE') } : {}),
    time: TIME_EXAMPLE,
    ...keyExample(contract, data),
    sequence: String(offset).padStart(19, '0'),
    ...(deletes ? { op } : {}),
    cursor: CURSOR_EXAMPLE,
    datacontenttype: 'application/json',
    data: op === 'DELETE' ? null : data,
  });
  return [
    { name: 'event', summary: 'An event', payload: event(1027, 'UPSERT') },
    ...(deletes ? [{ name: 'delete', summary: 'A deletion', payload: event(1028, 'DELETE') }] : []),
  ];
}

function keyExample({ messageKey }: Contract, data: Json): Json {
  const values = messageKey.map((path) =>
    path.split('.').reduce<unknown>((at, name) => (at as Json | null | undefined)?.[name], data),
  );
  // A key with a part that is always null has no text.
  if (values.length === 0 || values.some((value) => value === null || value === undefined)) return {};
  return { partitionkey: values.length === 1 ? String(values[0]) : JSON.stringify(values.map(String)) };
}

function publishHeaders(): Json {
  return {
    type: 'object',
    properties: {
      'Idempotency-Key': {
        type: 'string',
        minLength: 1,
        maxLength: 255,
        description:
          'What you call the request: sent again under this key within 24 hours it is recorded once, all or nothing, and answered alike, with Idempotency-Replayed: true. Other events under it are refused with 422.',
        examples: ['8e03978e-40d5-43dd-bc93-6894a57f9324'],
      },
    },
  };
}

/** As the stream door reads it; what it does not read may be there. */
export function publishMessage(schemas: Schemas, contract: Contract): Json {
  const { title, typeName } = contract;
  const name = `${typeName}EventInput`;
  const attributes = {
    specversion: { type: 'string', const: '1.0' },
    id: { type: 'string', minLength: 1, description: 'Yours. The event that is recorded has an id of its own.' },
    source: { type: 'string', format: 'uri-reference', minLength: 1, description: 'Where it happened, in your terms.' },
    type: { type: 'string', const: eventTypeOf(contract) },
    datacontenttype: { type: 'string', const: 'application/json' },
  };
  const payload = schemas.add(name, () => ({
    type: 'object',
    description: `${title}: an event to be recorded.`,
    required: ['specversion', 'id', 'source', 'type', 'data'],
    properties: {
      ...attributes,
      traceparent,
      data: objectSchema(schemas, given, {
        name: typeName,
        fields: contract.fields,
        nullable: false,
        notes: { description: 'What a publisher gives: derived fields are no inputs.' },
      }),
    },
  }));
  const example = {
    specversion: '1.0',
    id: '8f14e45f',
    source: '/example/publisher',
    type: eventTypeOf(contract),
    datacontenttype: 'application/json',
    data: exampleData(contract.fields, given),
  };
  return {
    name,
    title: `${title}: publish`,
    contentType: CLOUD_EVENT,
    payload,
    bindings: { http: { headers: publishHeaders(), bindingVersion: '0.3.0' } },
    examples: [{ name: 'publish', summary: 'An event to be recorded', payload: example }],
  };
}

/** What publishing answers with 201. */
export function publishedMessage(schemas: Schemas): Json {
  const payload = schemas.add('SluicePublished', () => ({
    type: 'object',
    required: ['events'],
    properties: {
      events: {
        type: 'array',
        description: 'A receipt for each event, in the order in which they were given.',
        items: schemas.add('SluiceReceipt', () => ({
          type: 'object',
          required: ['cursor', 'time'],
          properties: {
            cursor: cursorSchema,
            time: { type: 'string', format: 'date-time', description: 'When it was recorded.' },
          },
        })),
      },
    },
  }));
  return {
    name: 'SluicePublished',
    title: 'Receipts of published events',
    contentType: 'application/json',
    payload,
    bindings: { http: { statusCode: 201, bindingVersion: '0.3.0' } },
    examples: [{ name: 'published', payload: { events: [{ cursor: CURSOR_EXAMPLE, time: TIME_EXAMPLE }] } }],
  };
}
