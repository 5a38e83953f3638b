/**
 * From an operation to a compiled one: bound -> parse -> validate -> coerce -> read the arguments -> normalise -> share.
 * Whoever asks the same, in whatever words, is given the same view object.
 */
import { createHash } from 'node:crypto';
import {
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  type GraphQLNamedType,
  GraphQLObjectType,
  getArgumentValues,
  getNamedType,
  getVariableValues,
} from 'graphql';
import {
  type Contract,
  type Predicate,
  type PublicEvent,
  parsePredicate,
  parseTopicFilter,
  type TopicFilter,
} from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import { canonicalText, EVENTS_FIELD, type Surface, type SurfaceField } from '../surface/index.ts';
import { compileCloudEvent } from './cloud-event.ts';
import { MAX_ERRORS, prepare, type Subscription } from './document.ts';
import { asOperationError, classified, fault, placed } from './failure.ts';
import { createFilter, type Filter } from './filter.ts';
import type { Serialise } from './generator.ts';
import { checkVariables } from './limits.ts';
import { Lru } from './lru.ts';
import { parseMaxDelay, parseMaxEvents, parseReplayFrom } from './position.ts';
import { Collector, type Selection } from './selection.ts';
import { compileBatchSerialiser, compileSerialiser } from './serialiser.ts';
import { shows } from './shows.ts';
import { type AskedStream, readStream, readStreams } from './stream.ts';
import {
  type CompiledOperation,
  type CompiledWildcard,
  CURSOR_SLOT,
  type OnLag,
  type Operation,
  type OperationLimits,
  type StreamOperation,
  type View,
} from './view.ts';
import { choose } from './wildcard.ts';

export interface Compiler {
  /**
   * Only subscriptions; opens nothing. Whatever is wrong with a GraphQL operation is thrown as OperationError, with a stream operation
   * as SluiceError.
   */
  compile(surface: Surface, operation: Operation | StreamOperation): CompiledOperation;
  /** The same for subscriptions of several products; null: it is of one, or it is none. */
  wildcard(surface: Surface, operation: Operation | StreamOperation): CompiledWildcard | null;
}

/** `cacheSize` bounds the documents, the views and the filters that are kept, each. */
export function createCompiler(options: { readonly limits: OperationLimits; readonly cacheSize: number }): Compiler {
  const documents = new Lru<Subscription>(options.cacheSize);
  const views = new Lru<View>(options.cacheSize);
  const filters = new Lru<Filter>(options.cacheSize);
  const cloudEvents = new Lru<Serialise>(options.cacheSize);

  function prepared(surface: Surface, operation: Operation): Subscription {
    if (typeof operation.query !== 'string')
      throw fault('BAD_REQUEST', 'query: expected the text of an operation.', undefined, 'query');
    const key = sha256(`${surface.digest}\n${operation.operationName ?? ''}\n${operation.query}`);
    const known = documents.get(key);
    if (known !== undefined) return known;
    const fresh = prepare(surface, operation, options.limits);
    documents.set(key, fresh);
    return fresh;
  }

  /** Views that differ in what they show, and not in what they match, have one filter object. */
  function shared(fresh: Filter): Filter {
    const filter = filters.get(fresh.key) ?? fresh;
    if (filter === fresh) filters.set(fresh.key, fresh);
    return filter;
  }

  function viewOf(asked: Asked): View {
    const digest = digestOf(asked);
    const known = views.get(digest);
    if (known !== undefined) return known;
    const filter = shared(createFilter(asked.contract, asked.topic, asked.where));
    const view = createView(asked, digest, filter, cloudEventOf);
    views.set(digest, view);
    return view;
  }

  /** Views that show the same have one serialiser. */
  function cloudEventOf({ contract, selection }: Asked): Serialise {
    const key = sha256(canonicalText([textOf(contract), saltOf(contract, selection), selection]));
    const known = cloudEvents.get(key);
    if (known !== undefined) return known;
    const data = selection.fields.find(({ name }) => name === 'data')?.of as Selection;
    const fresh = compileCloudEvent(contract, data);
    cloudEvents.set(key, fresh);
    return fresh;
  }

  function compileParts(parts: readonly Asked[]): CompiledWildcard {
    const [{ from, onLag }] = parts as [Asked];
    return { views: parts.map(viewOf), from, onLag };
  }

  return {
    compile(surface, operation) {
      if ('stream' in operation) {
        const asked = readStream(surface, operation);
        const view = viewOf({ ...asked, kind: 'stream', out: null, batch: null });
        return { view, from: asked.from, onLag: asked.onLag, batch: null };
      }
      let document: DocumentNode | null = null;
      try {
        const subscription = prepared(surface, operation);
        document = subscription.document;
        const asked = read(surface, rootOf(surface, subscription, checkVariables(operation.variables)));
        return { view: viewOf(asked), from: asked.from, onLag: asked.onLag, batch: asked.batch };
      } catch (thrown) {
        throw asOperationError(thrown, document);
      }
    },

    wildcard(surface, operation) {
      if ('stream' in operation) {
        return operation.stream === null ? compileParts(readStreams(surface, operation).map(partOfStream)) : null;
      }
      // Most are of one product and need not be read twice.
      if (typeof operation.query !== 'string' || !operation.query.includes(EVENTS_FIELD)) return null;
      let document: DocumentNode | null = null;
      try {
        const subscription = prepared(surface, operation);
        document = subscription.document;
        const root = rootOf(surface, subscription, checkVariables(operation.variables));
        return root.node.name.value === EVENTS_FIELD ? compileParts(readParts(surface, root)) : null;
      } catch (thrown) {
        throw asOperationError(thrown, document);
      }
    },
  };
}

/** What one subscriber asked for, normalised. */
interface Asked {
  readonly contract: Contract;
  readonly kind: 'stream' | 'batch';
  /** Key of the root field in the output; null: a stream operation, whose messages are CloudEvents. */
  readonly out: string | null;
  readonly selection: Selection;
  readonly topic: TopicFilter | null;
  readonly where: Predicate | null;
  readonly from: CompiledOperation['from'];
  readonly onLag: OnLag;
  readonly batch: CompiledOperation['batch'];
  /** One product of several. */
  readonly isPart?: true;
}

/** The one root field of a subscription. */
interface Root {
  readonly node: FieldNode;
  /** Its key in the output, and everything that is selected under it. */
  readonly out: string;
  readonly nodes: readonly FieldNode[];
  readonly type: GraphQLNamedType;
  readonly args: Readonly<Record<string, unknown>>;
  readonly collector: Collector;
}

function rootOf(
  surface: Surface,
  { document, definition, fragments }: Subscription,
  given: Readonly<Record<string, unknown>>,
): Root {
  const { schema } = surface;
  const coerced = getVariableValues(schema, definition.variableDefinitions ?? [], given, { maxErrors: MAX_ERRORS });
  if (coerced.errors !== undefined) throw classified(coerced.errors, document);
  const root = schema.getSubscriptionType();
  if (root === undefined || root === null) throw fault('NOT_FOUND', 'There is nothing to subscribe to.', definition);
  const collector = new Collector(schema, fragments, coerced.coerced);
  const [entry, ...others] = collector.collect(root, [definition.selectionSet]);
  const node = entry?.[1][0];
  if (entry === undefined || node === undefined || others.length > 0) {
    const at = others.length > 0 ? others.flatMap(([, nodes]) => nodes) : definition;
    throw fault('BAD_REQUEST', 'A subscription must select exactly one root field.', at);
  }
  const known = root.getFields()[node.name.value];
  if (known === undefined) throw fault('NOT_FOUND', 'There is no such subscription.', node);
  const args = getArgumentValues(known, node, coerced.coerced);
  return { node, out: entry[0], nodes: entry[1], type: getNamedType(known.type), args, collector };
}

function read(surface: Surface, { node, out, nodes, type, args, collector }: Root): Asked {
  const field = surface.subscription.get(node.name.value);
  if (field === undefined || !(type instanceof GraphQLObjectType)) {
    throw fault('NOT_FOUND', 'There is no such subscription.', node);
  }
  return { ...readArguments(field, args, node), out, selection: collector.select(type, nodes) };
}

/** One for each product, with what is selected of its events. */
function readParts(surface: Surface, { node, out, nodes, args, collector }: Root): readonly Asked[] {
  const at = argumentsOf(args, node);
  const topic = at('topic', (text) => (text === null ? null : parseTopicFilter(String(text))));
  const products = at('products', (names) => names as readonly string[] | null);
  const common = {
    kind: 'stream',
    isPart: true,
    out,
    topic,
    where: null,
    from: at('from', (from) => parseReplayFrom(from, 'from')),
    onLag: at('onLag', (policy) => (policy ?? 'CATCH_UP') as OnLag),
    batch: null,
  } as const;
  let contracts: readonly Contract[];
  try {
    contracts = choose(surface, topic, products);
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    throw placed(thrown, argument(node, thrown.details.path ?? '') ?? node);
  }
  return contracts.map((contract) => {
    const type = surface.schema.getType(`${contract.typeName}Event`) as GraphQLObjectType;
    return { ...common, contract, selection: collector.select(type, nodes) };
  });
}

function partOfStream(asked: AskedStream): Asked {
  return { ...asked, kind: 'stream', out: null, batch: null, isPart: true };
}

function readArguments(
  { contract, kind }: SurfaceField,
  args: Readonly<Record<string, unknown>>,
  node: FieldNode,
): Omit<Asked, 'out' | 'selection'> {
  const at = argumentsOf(args, node);
  return {
    contract,
    kind: kind === 'batch' ? 'batch' : 'stream',
    topic: at('topic', (text) => (text === null ? null : parseTopicFilter(String(text)))),
    where: at('where', (where) => (where === null ? null : parsePredicate(contract, where, 'where'))),
    from: at('from', (from) => parseReplayFrom(from, 'from')),
    onLag: at('onLag', (policy) => (policy ?? 'CATCH_UP') as OnLag),
    batch:
      kind === 'batch'
        ? {
            maxEvents: at('maxEvents', (count) => parseMaxEvents(count ?? 100)),
            maxDelayMs: at('maxDelay', (delay) => parseMaxDelay(delay ?? 'PT0.1S')),
          }
        : null,
  };
}

/** Reads an argument; what is wrong with it is told by its place. */
function argumentsOf(args: Readonly<Record<string, unknown>>, node: FieldNode) {
  return <T>(name: string, parse: (value: unknown) => T): T => {
    try {
      return parse(args[name] ?? null);
    } catch (thrown) {
      throw thrown instanceof SluiceError ? placed(thrown, argument(node, name) ?? node) : thrown;
    }
  };
}

function argument(node: FieldNode, name: string): ArgumentNode | undefined {
  return node.arguments?.find((candidate) => candidate.name.value === name);
}

const contractTexts = new WeakMap<Contract, string>();

function digestOf({ contract, kind, out, selection, topic, where, isPart }: Asked): string {
  const asked = [kind, out, selection, topic, where, isPart ?? false];
  return sha256(canonicalText([textOf(contract), saltOf(contract, selection), ...asked]));
}

/** The salt of an application is part of a view only where a hash shows; otherwise applications that see the same share it. */
function saltOf(contract: Contract, selection: Selection): string | null {
  return shows(contract, selection, 'hash') ? contract.restriction.salt : null;
}

function textOf(contract: Contract): string {
  let text = contractTexts.get(contract);
  if (text === undefined) {
    const { file: _file, digest: _digest, restriction, ...rest } = contract;
    text = sha256(canonicalText({ ...rest, restriction: { ...restriction, salt: null } }));
    contractTexts.set(contract, text);
  }
  return text;
}

function createView(asked: Asked, digest: string, filter: Filter, cloudEventOf: (asked: Asked) => Serialise): View {
  const { contract, kind, out, selection, topic, where } = asked;
  const common = {
    digest,
    contract,
    kind,
    topic,
    where,
    filter,
    usesCursor: shows(contract, selection, 'cursor'),
    matches: (event: PublicEvent) => filter.matches(event),
  };
  if (kind === 'stream') {
    const whole = out === null ? cloudEventOf(asked) : compileSerialiser(contract, out, selection);
    const part: Serialise = (event, _cursor, incarnation) => whole(event, CURSOR_SLOT, incarnation);
    const serialise = asked.isPart ? part : whole;
    return Object.freeze({
      ...common,
      serialise,
      serialiseBatch: () => {
        throw new TypeError('a view of single events has no batches');
      },
    });
  }
  const serialiseBatch = compileBatchSerialiser(contract, out as string, selection);
  return Object.freeze({
    ...common,
    serialiseBatch,
    serialise: (event, cursor) => serialiseBatch([event], [cursor]),
  } satisfies View);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
