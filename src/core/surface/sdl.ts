/** From contracts to GraphQL SDL: what a principal who sees these contracts is shown. Same contracts in the same order, same text. */
import { buildSchema, printSchema } from 'graphql';
import type { Contract } from '../contract/index.ts';
import { Definitions, scalarFilter, written } from './definitions.ts';
import { scalars } from './scalars.ts';
import { isServed } from './shown.ts';
import { common, events } from './standing.ts';
import { block, deprecatedBy, described, quote, sentences } from './text.ts';

/** The SDL in GraphQL's own layout, as committed under schema/generated. */
export function renderSdl(contracts: readonly Contract[]): string {
  return `${printSchema(buildSchema(schemaText(contracts), { noLocation: true }))}\n`;
}

/** The names of the root fields that a contract's operations allow; null where they do not. */
export function rootFields(contract: Contract): {
  readonly stream: string | null;
  readonly batch: string | null;
  readonly history: string | null;
  readonly publish: string | null;
} {
  const { operations, fieldName } = contract;
  const served = isServed(contract);
  const subscribe = served && operations.subscribe !== undefined;
  const publish = served && operations.publish !== undefined && written(contract.fields).length > 0;
  return {
    stream: subscribe ? fieldName : null,
    batch: subscribe ? `${fieldName}Batch` : null,
    history: served && operations.query !== undefined ? fieldName : null,
    publish: publish ? `publish${contract.typeName}` : null,
  };
}

/** The same as valid SDL without layout, for whoever only parses it. */
export function schemaText(contracts: readonly Contract[]): string {
  const definitions = new Definitions();
  const roots: Roots = { subscription: [], query: [], mutation: [] };
  for (const contract of contracts) addRoots(roots, definitions, contract);
  if (roots.subscription.length > 0) roots.subscription.push(eventsField());
  const { subscription, query, mutation } = roots;
  return [
    block('type Query', [
      ...query,
      '"Every data product that this application may see." products: [Product!]!',
      '"One of them by its name, or null." product(name: String!): Product',
    ]),
    ...(subscription.length > 0 ? [block('type Subscription', subscription)] : []),
    ...(mutation.length > 0 ? [block('type Mutation', mutation)] : []),
    ...(subscription.length + query.length > 0 ? events : []),
    ...definitions.text(),
    ...[...definitions.filters].sort().map(scalarFilter),
    ...common,
    ...[...definitions.scalars].sort().flatMap(scalarText),
  ].join('\n\n');
}

/** No product may be called so. */
export const EVENTS_FIELD = 'events';

interface Roots {
  readonly subscription: string[];
  readonly query: string[];
  readonly mutation: string[];
}

function addRoots({ subscription, query, mutation }: Roots, definitions: Definitions, contract: Contract): void {
  const names = rootFields(contract);
  const { title, description } = contract;
  const field = (about: string, head: string, type: string): string =>
    `${described(about)}${head}: ${type}!${deprecatedBy(deprecation(contract))}`;
  if (names.stream !== null) {
    for (const scalar of ['Cursor', 'DateTime', 'Duration', 'TopicFilter']) definitions.scalar(scalar);
    const event = eventType(definitions, contract);
    const args = `${matching(definitions, contract)}, ${FROM} = {latest: true}, ${ON_LAG}`;
    const about = sentences(title, description.purpose, description.limitations);
    subscription.push(field(about, `${names.stream}(${args})`, event));
    const batched = sentences(title, `The same as \`${names.stream}\`, several events in one message`);
    subscription.push(field(batched, `${names.batch}(${args}, ${BATCH})`, batchType(definitions, event)));
  }
  if (names.history !== null) {
    for (const scalar of ['Cursor', 'DateTime', 'Duration', 'TopicFilter']) definitions.scalar(scalar);
    const args = `${PAGE}, ${FROM}, ${matching(definitions, contract)}`;
    const about = sentences(title, 'What was recorded, oldest first, a page at a time', description.limitations);
    query.push(
      field(about, `${names.history}(${args})`, connectionType(definitions, eventType(definitions, contract))),
    );
  }
  if (names.publish !== null) {
    for (const scalar of ['Cursor', 'DateTime']) definitions.scalar(scalar);
    const input = definitions.inputObject(contract.typeName, contract.fields);
    const about = sentences(title, 'Publishes one event; answers when it is recorded');
    mutation.push(field(about, `${names.publish}(input: ${input}!)`, receiptType(definitions)));
  }
}

const FROM = '"Where to begin." from: ReplayFrom';
const ON_LAG = '"What happens when the subscriber reads slower than events arrive." onLag: OnLag = CATCH_UP';
const BATCH =
  '"A batch is sent when it has so many events (1 to 1000)." maxEvents: Int = 100, "Or when its first event has waited so long (at most a minute)." maxDelay: Duration = "PT0.1S"';
const PAGE =
  '"At most so many events." first: Int = 100, "The `endCursor` of the page before; instead of `from`." after: Cursor';

/** The one field over several products. */
function eventsField(): string {
  const about =
    'Events of several products in one stream, in order per partition: fields of a product by fragment, `... on FlightEvent { data { ... } }`';
  const topic = '"Products whose topics cannot match are not read." topic: TopicFilter';
  const products =
    '"Names of products; every one that this application may see, where they are left out." products: [String!]';
  return `${described(sentences(about))}${EVENTS_FIELD}(${topic}, ${products}, ${FROM} = {latest: true}, ${ON_LAG}): Event!`;
}

/** The arguments that say which events. */
function matching(definitions: Definitions, contract: Contract): string {
  const where = definitions.filter(contract.typeName, contract.fields);
  const topic = `${described(`Topics are \`${contract.templateText}\`.`)}topic: TopicFilter`;
  return where === null ? topic : `${topic}, "Which events, by their fields." where: ${where}`;
}

function eventType(definitions: Definitions, contract: Contract): string {
  const data = `${definitions.object(contract.typeName, contract.fields, sentences(contract.description.purpose))}${contract.deletes ? '' : '!'}`;
  const about = `${contract.title}: an event with its position.`;
  return definitions.add(`${contract.typeName}Event`, () =>
    block(`${quote(about)} type ${contract.typeName}Event implements Event`, [
      ...envelope,
      `${described(contract.deletes ? 'Null exactly where `op` is DELETE.' : null)}data: ${data}`,
    ]),
  );
}

const envelope = [
  '"The data product." product: String!',
  '"Give it back as `from: {cursor: ...}` to go on right after this event." cursor: Cursor!',
  '"The hierarchical address of the event." topic: String!',
  '"The public key, where the product has one." key: String',
  '"When the event was recorded." time: DateTime!',
  'op: ChangeOp!',
];

function batchType(definitions: Definitions, event: string): string {
  return definitions.add(`${event}Batch`, () =>
    block(`"Events in order." type ${event}Batch`, [
      `events: [${event}!]!`,
      '"The cursor of the last event: resumes after the whole batch." cursor: Cursor!',
    ]),
  );
}

function receiptType(definitions: Definitions): string {
  return definitions.add(
    'PublishReceipt',
    () => `"Where a published event stands." ${block('type PublishReceipt', ['cursor: Cursor!', 'time: DateTime!'])}`,
  );
}

function connectionType(definitions: Definitions, event: string): string {
  definitions.add(`${event}Edge`, () => block(`type ${event}Edge`, ['cursor: Cursor!', `node: ${event}!`]));
  return definitions.add(`${event}Connection`, () =>
    block(`"A page of history, oldest first." type ${event}Connection`, [
      `edges: [${event}Edge!]!`,
      'pageInfo: PageInfo!',
    ]),
  );
}

/** Why a client should move on, where the product is deprecated. */
function deprecation(contract: Contract): string | null {
  if (contract.status !== 'deprecated' && contract.status !== 'retired') return null;
  const { successor = null, noticePeriod = null } = contract.deprecation ?? {};
  return sentences(
    `${contract.title} ${contract.version} is ${contract.status}`,
    successor === null ? null : `Use ${successor}`,
    noticePeriod === null ? null : `Notice period: ${noticePeriod}`,
  );
}

function scalarText(name: string): string[] {
  const scalar = scalars[name];
  if (scalar === undefined) return [];
  const specified = scalar.specifiedBy === undefined ? '' : ` @specifiedBy(url: ${quote(scalar.specifiedBy)})`;
  return [`${quote(scalar.description)} scalar ${name}${specified}`];
}
