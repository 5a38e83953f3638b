/** From a normalised GraphQL selection to a function that writes the execution result as JSON text. */
import type { Contract, PublicEvent } from '../contract/index.ts';
import { object, render, type Serialise, Source } from './generator.ts';
import type { Selection } from './selection.ts';

export type SerialiseBatch = (events: readonly PublicEvent[], cursors: readonly string[]) => string;

export function compileSerialiser(contract: Contract, out: string, selection: Selection): Serialise {
  const source = new Source(contract, 'entries');
  const body = source.event(selection);
  return source.finish(
    `function (event, cursor) { return ${render([{ text: head(out) }, { code: `${body}(event, cursor)` }, { text: '}}' }])}; }`,
  ) as Serialise;
}

export function compileBatchSerialiser(contract: Contract, out: string, selection: Selection): SerialiseBatch {
  const source = new Source(contract, 'entries');
  const parts = object(selection, (field) => {
    if (field.name === 'cursor') return [{ text: '"' }, { code: 'cursors[cursors.length - 1]' }, { text: '"' }];
    return [{ code: `joined(events, cursors, ${source.event(field.of as Selection)})` }];
  });
  return source.finish(
    `function (events, cursors) { return ${render([{ text: head(out) }, ...parts, { text: '}}' }])}; }`,
  ) as SerialiseBatch;
}

function head(out: string): string {
  return `{"data":{${JSON.stringify(out)}:`;
}
