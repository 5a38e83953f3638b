/** The query parameters of the stream door, as JSON Schemas: those of a stream, of the past, and of publishing. */
import { type Contract, encodeLevel, type Field } from '../../contract/index.ts';
import { visible } from '../shown.ts';
import { exampleData } from './example.ts';
import type { Json } from './schema.ts';
import { received } from './side.ts';

/** The query of a live stream. */
export function streamQuery(contract: Contract): Json {
  return query({
    ...matching(contract),
    ...positions(contract),
    onLag: {
      type: 'string',
      default: 'catch_up',
      description:
        'What happens when you read slower than events arrive: catch_up loses nothing, conflate keeps the newest event of each key, drop passes events over and tells which (sluice.gap), end ends the stream with its cursor.',
      examples: ['catch_up', 'conflate', 'drop', 'end'],
    },
    heartbeat: {
      type: 'string',
      default: 'PT10S',
      description:
        'You hear something at least this often, a sluice.progress where there are no events; PT1S to PT60S, or seconds. Where you hear nothing for three of them, take the connection for dead.',
      examples: ['PT10S', '30'],
    },
    access_token: {
      type: 'string',
      description: 'The API key, for clients that can send neither headers nor a first message.',
    },
  });
}

/** The query of the past: exactly one of `after`, `since` and `last`. */
export function historyQuery(contract: Contract): Json {
  return query({
    ...matching(contract),
    ...positions(contract),
    limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100, description: 'At most so many events.' },
  });
}

export function publishQuery(): Json {
  return query({
    partial: {
      type: 'boolean',
      default: false,
      description: 'Of a batch, record the events that are valid; the answer (207) has a result for each.',
    },
  });
}

function query(properties: Json): Json {
  return { type: 'object', additionalProperties: false, properties };
}

function matching(contract: Contract): Json {
  const data = exampleData(contract.fields, received);
  const where = exampleFilter(contract, data);
  const scalars = visible(contract.fields).filter(({ type }) => !['object', 'array', 'map'].includes(type.kind));
  return {
    topic: {
      type: 'string',
      description: `Which topics. They are ${contract.templateText === '' ? 'empty here' : contract.templateText}; in a filter * is one level, LA* a level that begins so, and a last > the rest.`,
      ...(contract.template.length === 0 ? {} : { examples: topicExamples(contract, data) }),
    },
    where: {
      type: 'string',
      contentMediaType: 'application/json',
      description:
        'Which events, by their fields: JSON of {field: {eq, ne, in, gt, gte, lt, lte, prefix, isNull}}, nested like the data, combined by and, or, not. Masked fields cannot be asked for.',
      ...(where === null ? {} : { examples: [where] }),
    },
    fields: {
      type: 'string',
      description:
        'Fields of the data that you want, nested ones by their dotted path, joined by commas; what is not named is left out, also where it is required otherwise.',
      examples: [
        scalars
          .slice(0, 2)
          .map(({ name }) => name)
          .join(','),
      ].filter((text) => text !== ''),
    },
  };
}

function positions({ replay }: Contract): Json {
  const one = 'At most one of after, since and last; none of them: what comes from now on.';
  return {
    ...(replay.from.includes('cursor')
      ? { after: { type: 'string', description: `Right after the message that carried this cursor. ${one}` } }
      : {}),
    ...(replay.from.includes('time') || replay.from.includes('earliest')
      ? {
          since: {
            type: 'string',
            description: `From a time (RFC 3339, such as 2026-01-31T12:00:00Z), from so long ago (ISO 8601 duration), or "earliest". ${one}`,
            examples: [
              ...(replay.from.includes('time') ? ['PT15M'] : []),
              ...(replay.from.includes('earliest') ? ['earliest'] : []),
            ],
          },
        }
      : {}),
    ...(replay.from.includes('time')
      ? { last: { type: 'integer', minimum: 1, maximum: 10_000, description: `So many matching events back. ${one}` } }
      : {}),
  };
}

/** The topic of the example, and a filter that keeps its first two levels. */
function topicExamples(contract: Contract, data: Json): readonly string[] {
  const topic = exampleTopic(contract, data);
  const levels = topic.split('/');
  return levels.length > 2 ? [`${levels.slice(0, 2).join('/')}/>`, topic] : [topic];
}

/** The topic of an event with this data; of a deletion, where only what the key tells is known. */
export function exampleTopic({ template, messageKey }: Contract, data: Json, isDeletion = false): string {
  return template
    .map((level) => {
      if ('literal' in level) return level.literal;
      if (isDeletion && !messageKey.includes(level.field.join('.'))) return '*';
      const value = level.field.reduce<unknown>((at, name) => (at as Json | null | undefined)?.[name], data);
      return encodeLevel(String(value));
    })
    .join('/');
}

function exampleFilter({ fields }: Contract, data: Json): string | null {
  const field = visible(fields).find(
    ({ type, mask, name }: Field) =>
      mask === null && !['object', 'array', 'map'].includes(type.kind) && !['and', 'or', 'not'].includes(name),
  );
  if (field === undefined) return null;
  const value = data[field.name];
  return JSON.stringify({ [field.name]: value === null ? { isNull: true } : { eq: value } });
}
