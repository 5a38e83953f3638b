/** The masked public event in the shape that graphql-js resolves: what history executes over, and the reference for every serialiser. */
import type { Contract, Field, FieldType, PublicEvent } from '../contract/index.ts';
import { type EventNode, visible } from '../surface/index.ts';
import { compileKeyMask, compileMask } from './mask.ts';

type Convert = (value: unknown) => unknown;

interface Converters {
  /** null: data goes through as it is. */
  readonly data: Convert | null;
  readonly key: ((key: string | null) => string | null) | null;
}

const compiled = new WeakMap<Contract, Converters>();

/** `contract` is narrowed for whoever will see the node. */
export function eventNode(contract: Contract, event: PublicEvent, cursor: string): EventNode {
  let converters = compiled.get(contract);
  if (converters === undefined) {
    converters = { data: objectOf(contract.fields, contract.restriction.salt), key: compileKeyMask(contract) };
    compiled.set(contract, converters);
  }
  return {
    product: contract.product,
    cursor,
    topic: event.topic,
    key: converters.key === null ? event.key : converters.key(event.key),
    time: event.time,
    op: event.op,
    data: event.data === null || converters.data === null ? event.data : converters.data(event.data),
  };
}

/** null where nothing under the fields changes. */
function objectOf(fields: readonly Field[], salt: string | null): Convert | null {
  const shown = visible(fields);
  const converts = shown.map((field): Convert | null =>
    field.mask === null ? typeOf(field.type, salt) : compileMask(field.mask, salt),
  );
  if (converts.every((convert) => convert === null)) return null;
  return (value) => {
    if (value === null || value === undefined) return null;
    const held = value as Readonly<Record<string, unknown>>;
    return Object.fromEntries(shown.map(({ name }, index) => [name, (converts[index] ?? same)(held[name])]));
  };
}

const same: Convert = (value) => value;

function typeOf(type: FieldType, salt: string | null): Convert | null {
  switch (type.kind) {
    case 'object':
      return objectOf(type.fields, salt);
    case 'array': {
      const item = typeOf(type.items, salt);
      return item === null
        ? null
        : (value) => (value === null || value === undefined ? null : (value as readonly unknown[]).map(item));
    }
    case 'map': {
      const held = typeOf(type.values, salt) ?? same;
      return (value) =>
        value === null || value === undefined
          ? null
          : Object.entries(value).map(([key, entry]) => ({ key, value: held(entry) }));
    }
    default:
      return null;
  }
}
