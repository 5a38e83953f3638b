/** What a stream says beside its events, as messages: the stream door's control events. */
import { catalogue } from '../../errors.ts';
import { streamPath } from '../events.ts';
import { CLOUD_EVENT, CURSOR_EXAMPLE, cursorSchema } from './envelope.ts';
import type { Json, Schemas } from './schema.ts';

export interface Control {
  /** Of message, schema and, with `on` before it, operation. */
  readonly name: string;
  readonly message: Json;
}

interface Kind {
  readonly name: string;
  readonly type: string;
  readonly summary: string;
  readonly cursor: 'always' | 'sometimes' | 'never';
  data(schemas: Schemas): Json;
  readonly example: unknown;
}

const text = (description: string): Json => ({ type: 'string', description });

const ranges = (schemas: Schemas): Json => ({
  type: 'array',
  description: 'The positions that are missing.',
  items: schemas.add('SluiceRange', () => ({
    type: 'object',
    description: 'Of a partition the positions from "from" on, up to and without "to".',
    required: ['partition', 'from', 'to'],
    properties: { partition: { type: 'integer' }, from: { type: 'integer' }, to: { type: 'integer' } },
  })),
});

const kinds: readonly Kind[] = [
  {
    name: 'SluiceReady',
    type: 'sluice.ready',
    summary:
      'The first message: the stream is placed. What is recorded from now on is delivered; keep the cursor until the first event.',
    cursor: 'always',
    data: (schemas) =>
      schemas.add('SluiceReadyData', () => ({
        type: 'object',
        required: ['heartbeat'],
        properties: { heartbeat: text('How often you hear something, as an ISO 8601 duration.') },
      })),
    example: { heartbeat: 'PT10S' },
  },
  {
    name: 'SluiceProgress',
    type: 'sluice.progress',
    summary: 'There was nothing to send for a heartbeat: the connection lives, and the cursor has moved on.',
    cursor: 'always',
    data: () => ({ type: 'null' }),
    example: null,
  },
  {
    name: 'SluiceGap',
    type: 'sluice.gap',
    summary: 'You had fallen behind with onLag=drop: these positions were passed over.',
    cursor: 'never',
    data: (schemas) =>
      schemas.add('SluiceGapData', () => ({
        type: 'object',
        required: ['message', 'missing'],
        properties: { message: text('What happened, for people.'), missing: ranges(schemas) },
      })),
    example: {
      message: 'The subscriber fell behind: these positions were passed over.',
      missing: [{ partition: 3, from: 1028, to: 1311 }],
    },
  },
  {
    name: 'SluiceNotice',
    type: 'sluice.notice',
    summary: 'Something to know; the stream goes on.',
    cursor: 'never',
    data: (schemas) =>
      schemas.add('SluiceNoticeData', () => ({
        type: 'object',
        required: ['code', 'message'],
        properties: {
          code: {
            ...text('Which notice; new ones may come.'),
            'x-sluice-values': [
              { value: 'DEPRECATED', description: 'This version of the product is deprecated.' },
              { value: 'CONFLATED', description: 'Older events gave way to newer ones of their key (onLag=conflate).' },
              { value: 'SHORT', description: 'The look-back for "last" ended before it had found so many events.' },
            ],
          },
          message: text('The same for people.'),
        },
      })),
    example: { code: 'SHORT', message: 'The bounded look-back ended after 3 matching events.', found: 3 },
  },
  {
    name: 'SluiceError',
    type: 'sluice.error',
    summary: 'The last message: the stream ends. Go on from the cursor, as "retry" says.',
    cursor: 'sometimes',
    data: (schemas) =>
      schemas.add('SluiceErrorData', () => ({
        type: 'object',
        required: ['code', 'message', 'retry'],
        properties: {
          code: {
            ...text('What went wrong; new codes may come.'),
            'x-sluice-values': Object.entries(catalogue).map(([value, entry]) => ({
              value,
              description: `${entry.text} HTTP ${entry.status}, WebSocket close ${entry.close}, retry ${entry.retry}.`,
            })),
          },
          message: text('The same for people, with the place and the mend.'),
          retry: {
            ...text(
              'now: at once, elsewhere if possible; later: with back-off; changed: when request or access have changed.',
            ),
            'x-sluice-values': [{ value: 'now' }, { value: 'later' }, { value: 'changed' }],
          },
          retryAfterMs: { type: 'integer', description: 'Not before so many milliseconds have passed.' },
          resume: text('CURSOR_EXPIRED: a cursor that moves only what is missing.'),
          missing: ranges(schemas),
          path: text('The parameter or field at fault.'),
        },
      })),
    example: { code: 'DRAINING', message: catalogue.DRAINING.text, retry: 'now' },
  },
];

export function controls(schemas: Schemas, product: string): readonly Control[] {
  return kinds.map((kind) => ({ name: kind.name, message: message(schemas, product, kind) }));
}

function message(schemas: Schemas, product: string, { name, type, summary, cursor, data, example }: Kind): Json {
  const payload = schemas.add(name, () => ({
    type: 'object',
    description: summary,
    required: [
      'specversion',
      'id',
      'source',
      'type',
      'time',
      ...(cursor === 'always' ? ['cursor'] : []),
      'datacontenttype',
      'data',
    ],
    properties: {
      specversion: { type: 'string', const: '1.0' },
      id: { type: 'string' },
      source: { type: 'string', format: 'uri-reference', description: 'The stream.' },
      type: { type: 'string', const: type },
      time: { type: 'string', format: 'date-time' },
      ...(cursor === 'never' ? {} : { cursor: cursorSchema }),
      datacontenttype: { type: 'string', const: 'application/json' },
      data: data(schemas),
    },
  }));
  return {
    name,
    title: type,
    summary,
    contentType: CLOUD_EVENT,
    payload,
    examples: [
      {
        name: name.charAt(0).toLowerCase() + name.slice(1),
        payload: {
          specversion: '1.0',
          id: '0b1c7a52-6f0d-4c8e-9a51-3f5e2d7c9b10',
          source: streamPath(product),
          type,
          time: '2026-01-31T12:00:00.000Z',
          ...(cursor === 'never' ? {} : { cursor: CURSOR_EXAMPLE }),
          datacontenttype: 'application/json',
          data: example,
        },
      },
    ],
  };
}
