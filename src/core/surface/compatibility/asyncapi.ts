/** What changes between the AsyncAPI documents of two contracts, as @asyncapi/diff and the payloads' schemas say. */
import type { ChangeKind, Contract } from '../../contract/index.ts';
import { renderAsyncApi } from '../asyncapi/index.ts';
import { isServed } from '../shown.ts';
import { compareSchemasOf, type Named, type Schema } from './payload.ts';

export interface DocumentChange {
  /** `unclassified`: @asyncapi/diff knows no more, and it is no payload. */
  readonly kind: ChangeKind | 'unclassified';
  /** JSON pointer into the document; of a payload, the message's name and the path of the property. */
  readonly path: string;
  readonly what: string;
}

/** One change as @asyncapi/diff tells it. */
export interface DiffItem {
  readonly action: string;
  readonly path: string;
  readonly type: string;
}

/** @asyncapi/diff itself, which whoever asks has loaded. */
export type DocumentDiff = (old: unknown, now: unknown) => readonly DiffItem[];

const URL = 'https://events.example.com';

/** Empty where either is not served: then there is no document. */
export function compareDocumentsOf(diff: DocumentDiff, old: Contract, now: Contract): readonly DocumentChange[] {
  if (!isServed(old) || !isServed(now)) return [];
  const [before, after] = [rendered(old), rendered(now)];
  const payloads = messages(before, after);
  const frame = diff(frameOf(before), frameOf(after)).map((item) => classified(item));
  return [...payloads, ...frame];
}

interface Reference {
  readonly $ref: string;
}

interface Document {
  readonly operations: Readonly<
    Record<
      string,
      {
        readonly action: string;
        readonly messages: readonly Reference[];
        readonly reply?: { readonly messages: readonly Reference[] };
      }
    >
  >;
  readonly components: {
    readonly schemas: Named;
    readonly messages: Readonly<Record<string, { readonly payload: Schema }>>;
  };
}

function rendered(contract: Contract): Document {
  return renderAsyncApi(contract, { protocol: 'all', url: URL }) as unknown as Document;
}

/** The document without its payloads, which have rules of their own. */
function frameOf({ components, ...document }: Document): unknown {
  const { schemas: _schemas, messages: named, ...others } = components;
  const withoutPayload = Object.entries(named).map(([name, { payload: _payload, ...message }]) => [name, message]);
  return { ...document, components: { ...others, messages: Object.fromEntries(withoutPayload) } };
}

/** Each message once: those that are sent by what publishers may give, the others by what readers were promised. */
function messages(before: Document, after: Document): readonly DocumentChange[] {
  const sends = Object.values(before.operations).filter(({ action }) => action === 'send');
  const sent = new Set(sends.flatMap((operation) => namesIn(operation)));
  const answered = new Set(sends.flatMap(({ reply }) => (reply === undefined ? [] : namesIn(reply))));
  return Object.entries(before.components.messages).flatMap(([name, message]) => {
    const isRead = !sent.has(name.toLowerCase());
    const isOfPublishing = !isRead || answered.has(name.toLowerCase());
    const kind = isOfPublishing ? ('breaking-publishers' as const) : ('breaking-readers' as const);
    const same = after.components.messages[name];
    if (same === undefined) return [{ kind, path: name, what: 'the message is no longer there' }];
    const old = { schema: message.payload, named: before.components.schemas };
    const now = { schema: same.payload, named: after.components.schemas };
    const [from, to] = isRead ? [now, old] : [old, now];
    return compareSchemasOf(from, to, isRead).map(({ path, what }) => ({ kind, path: `${name}: ${path}`, what }));
  });
}

/** Names of the messages that are referred to, without regard to case: a channel's begin with a small letter. */
function namesIn({ messages: references }: { readonly messages: readonly Reference[] }): readonly string[] {
  return references.map(({ $ref }) => ($ref.split('/').at(-1) ?? '').toLowerCase());
}

/** Words for people; and the document's version, which @asyncapi/diff calls breaking, is what says that nothing broke. */
const words = new Set([
  ...['title', 'summary', 'description', 'examples', 'tags', 'contact', 'externalDocs', 'version', 'license'],
]);

function classified({ action, path, type }: DiffItem): DocumentChange {
  const what = `${action === 'edit' ? 'changed' : action === 'add' ? 'added' : 'removed'}`;
  const isSaid = path.split('/').some((segment) => words.has(segment) || segment.startsWith('x-'));
  if (isSaid) return { kind: 'documentation', path, what };
  const isOfPublishing = /publish|[^/]*Input(\/|$)|SluicePublished|sluicePublished/.test(path);
  if (type === 'breaking') return { kind: isOfPublishing ? 'breaking-publishers' : 'breaking-readers', path, what };
  return { kind: type === 'non-breaking' ? 'compatible' : 'unclassified', path, what };
}
