/**
 * What the stream door asks: texts as they stand in a URL, read and checked against the contract. The same view, positions and
 * errors as GraphQL, in other words.
 */
import { type Contract, type Field, type FieldType, parsePredicate, parseTopicFilter } from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import { parseDuration, type Surface, visible } from '../surface/index.ts';
import { positions } from './position.ts';
import type { SelectedField, Selection } from './selection.ts';
import type { OnLag, ReplayFrom, StreamOperation } from './view.ts';
import { choose } from './wildcard.ts';

/** What one subscriber asked for, normalised: equal requests are equal. */
export interface AskedStream {
  readonly contract: Contract;
  /** Of the whole event; the data under `data`. */
  readonly selection: Selection;
  readonly topic: ReturnType<typeof parseTopicFilter> | null;
  readonly where: ReturnType<typeof parsePredicate>;
  readonly from: ReplayFrom;
  readonly onLag: OnLag;
}

const MAX_TEXT = 16_384;
const MAX_FIELDS = 1_000;
const POLICIES: readonly string[] = ['CATCH_UP', 'CONFLATE', 'DROP', 'END'] satisfies OnLag[];

/** A stream of several products, with the whole data of each. Errors: as readStream. */
export function readStreams(surface: Surface, asked: StreamOperation): readonly AskedStream[] {
  checkLengths(asked);
  const topic = asked.topic === null ? null : parseTopicFilter(asked.topic);
  const names =
    (asked.products ?? null) === null ? null : (asked.products as string).split(',').map((name) => name.trim());
  const common = { topic, where: null, from: readFrom(asked), onLag: readOnLag(asked.onLag) };
  return choose(surface, topic, names).map((contract) => ({
    ...common,
    contract,
    selection: eventSelection(dataSelection(contract, null)),
  }));
}

/** Throws NOT_FOUND, BAD_REQUEST and BAD_FILTER with the parameter at fault as `path`. */
export function readStream(surface: Surface, asked: StreamOperation): AskedStream {
  const offered = surface[asked.use === 'query' ? 'query' : 'subscription'];
  const contract = [...offered.values()].find((field) => field.contract.product === asked.stream)?.contract;
  if (contract === undefined)
    throw new SluiceError('NOT_FOUND', `There is no stream "${(asked.stream ?? '').slice(0, 100)}".`);
  checkLengths(asked);
  return {
    contract,
    selection: eventSelection(dataSelection(contract, asked.fields)),
    topic: asked.topic === null ? null : parseTopicFilter(asked.topic),
    where: asked.where === null ? null : parsePredicate(contract, parseJson(asked.where), 'where'),
    from: readFrom(asked),
    onLag: readOnLag(asked.onLag),
  };
}

function checkLengths(asked: StreamOperation): void {
  for (const name of ['topic', 'where', 'fields', 'products'] as const) {
    if ((asked[name]?.length ?? 0) > MAX_TEXT) throw bad(name, `longer than ${MAX_TEXT} characters.`);
  }
}

function bad(path: string, message: string): SluiceError {
  return new SluiceError('BAD_REQUEST', `${path}: ${message}`, { details: { path } });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const message = 'where: expected JSON, such as {"status": {"eq": "delayed"}}.';
    throw new SluiceError('BAD_FILTER', message, { details: { path: 'where' } });
  }
}

/** Not more than one of `after`, `since` and `last`; none is the live edge, which has no past. */
function readFrom({ use, after, since, last }: StreamOperation): ReplayFrom {
  const given = Object.entries({ after, since, last }).filter(([, text]) => text !== null);
  const [first, second] = given;
  if (first !== undefined && second !== undefined) throw bad(second[0], `give it or "${first[0]}", not both.`);
  if (after !== null) return positions.cursor(after, 'after');
  if (since !== null) return readSince(since);
  if (last !== null) return positions.last(/^\d{1,9}$/.test(last) ? Number(last) : last, 'last');
  if (use === 'query') throw bad('after', 'give exactly one of "after", "since" and "last".');
  return { kind: 'latest' };
}

/** A time, a duration that has passed since, or `earliest`. */
function readSince(since: string): ReplayFrom {
  if (since === 'earliest') return { kind: 'earliest' };
  if (parseDuration(since) !== null) return positions.ago(since, 'since');
  try {
    return positions.time(since, 'since');
  } catch {
    throw bad('since', 'expected a time such as "2026-01-31T12:00:00Z", a duration such as "PT15M", or "earliest".');
  }
}

function readOnLag(text: string | null): OnLag {
  const policy = (text ?? 'CATCH_UP').toUpperCase();
  if (!POLICIES.includes(policy)) throw bad('onLag', `one of ${POLICIES.join(', ').toLowerCase()}.`);
  return policy as OnLag;
}

function eventSelection(data: Selection): Selection {
  const leaf = (name: string): SelectedField => ({ out: name, name, of: null });
  return { typeName: '', fields: [leaf('key'), leaf('cursor'), { out: 'data', name: 'data', of: data }] };
}

/** Named fields, nested ones dotted, in the contract's order however they were asked for. */
interface Wanted {
  readonly of: Map<string, Wanted>;
  /** With everything below it. */
  whole: boolean;
}

function dataSelection(contract: Contract, fields: string | null): Selection {
  if (fields === null) return wholeOf(contract.fields);
  const wanted: Wanted = { of: new Map(), whole: false };
  const paths = fields.split(',').map((path) => path.trim());
  if (paths.length > MAX_FIELDS) throw bad('fields', `at most ${MAX_FIELDS} of them.`);
  for (const path of paths) {
    let at = wanted;
    let known: readonly Field[] | null = contract.fields;
    for (const name of path.split('.')) {
      const field: Field | undefined = known === null ? undefined : visible(known).find((one) => one.name === name);
      if (field === undefined) throw bad('fields', `there is no field "${path.slice(0, 200)}".`);
      const next = at.of.get(name) ?? { of: new Map(), whole: false };
      at.of.set(name, next);
      at = next;
      known = field.mask === null ? fieldsOf(field.type) : null;
    }
    at.whole = true;
  }
  return chosen(contract.fields, wanted);
}

function wholeOf(fields: readonly Field[]): Selection {
  return { typeName: '', fields: visible(fields).map((field) => selected(field, null)) };
}

function chosen(fields: readonly Field[], wanted: Wanted): Selection {
  return {
    typeName: '',
    fields: visible(fields).flatMap((field) => {
      const own = wanted.of.get(field.name);
      return own === undefined ? [] : [selected(field, own)];
    }),
  };
}

function selected(field: Field, wanted: Wanted | null): SelectedField {
  return { out: field.name, name: field.name, of: field.mask === null ? innerOf(field.type, wanted) : null };
}

/** The selection below a type; maps as the entries that GraphQL has. */
function innerOf(type: FieldType, wanted: Wanted | null): Selection | null {
  switch (type.kind) {
    case 'object':
      return wanted === null || wanted.whole ? wholeOf(type.fields) : chosen(type.fields, wanted);
    case 'array':
      return innerOf(type.items, wanted);
    case 'map': {
      const value = { out: 'value', name: 'value', of: innerOf(type.values, wanted) };
      return { typeName: '', fields: [{ out: 'key', name: 'key', of: null }, value] };
    }
    default:
      return null;
  }
}

function fieldsOf(type: FieldType): readonly Field[] | null {
  switch (type.kind) {
    case 'object':
      return type.fields;
    case 'array':
      return fieldsOf(type.items);
    case 'map':
      return fieldsOf(type.values);
    default:
      return null;
  }
}
