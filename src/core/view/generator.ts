/**
 * The generator of serialisers: from a selection to the source of functions that write JSON text. Constant text is folded, and each value
 * is read and written without a look at the schema. What it is generated from has been validated, and every name goes into the source
 * as a JSON string, so nothing of a client's can become code.
 */
import type { Contract, Field, FieldType, PublicEvent } from '../contract/index.ts';
import { instant, quote } from './json.ts';
import { compileKeyMask, compileMask, REDACTED } from './mask.ts';
import type { SelectedField, Selection } from './selection.ts';

/** `cursor` is plain text without anything that JSON would escape. */
export type Serialise = (event: PublicEvent, cursor: string, incarnation: string) => string;

/** How maps are written: as GraphQL has them, lists of {key, value}, or as JSON objects. */
export type Maps = 'entries' | 'object';

/** A piece of the output: constant text, or an expression whose value is appended to text. */
export type Part = { readonly text: string } | { readonly code: string };

/** An expression of all parts together; always a string, since it begins with one. */
export function render(parts: readonly Part[]): string {
  const terms: string[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '' || terms.length === 0) terms.push(JSON.stringify(text));
    text = '';
  };
  for (const part of parts) {
    if ('text' in part) text += part.text;
    else {
      flush();
      terms.push(part.code);
    }
  }
  if (text !== '' || terms.length === 0) flush();
  return terms.join(' + ');
}

export function object(selection: Selection, value: (field: SelectedField) => readonly Part[]): readonly Part[] {
  const members = selection.fields.flatMap((field, index) => [
    { text: `${index === 0 ? '' : ','}${JSON.stringify(field.out)}:` },
    ...(field.name === '__typename' ? [{ text: JSON.stringify(selection.typeName) }] : value(field)),
  ]);
  return [{ text: '{' }, ...members, { text: '}' }];
}

/** Names that the generated source may use, beside what it defines itself. */
const runtime = {
  quote,
  instant,
  joined: (
    events: readonly PublicEvent[],
    cursors: readonly string[],
    one: (event: PublicEvent, cursor: string) => string,
  ): string => {
    let text = '[';
    for (let i = 0; i < events.length; i++)
      text += (i === 0 ? '' : ',') + one(events[i] as PublicEvent, cursors[i] as string);
    return `${text}]`;
  },
} as const;

/** The source of one serialiser as it grows. */
export class Source {
  readonly #contract: Contract;
  readonly #maps: Maps;
  readonly #functions: string[] = [];
  readonly #masks: ((value: never) => string | null)[] = [];

  constructor(contract: Contract, maps: Maps) {
    this.#contract = contract;
    this.#maps = maps;
  }

  finish(main: string): unknown {
    const code = `"use strict";\n${this.#functions.join('\n')}\nreturn ${main};`;
    return new Function('quote', 'instant', 'joined', 'masks', code)(
      runtime.quote,
      runtime.instant,
      runtime.joined,
      this.#masks,
    );
  }

  /** Variables that live as long as the serialiser. */
  declare(variables: string): void {
    this.#functions.push(`let ${variables};`);
  }

  /** Defines a function of (event, cursor) and returns its name. */
  event(selection: Selection): string {
    const locals: string[] = ['data = event.data'];
    const parts = object(selection, (field) => this.#envelope(field, locals));
    return this.#define('event, cursor', `let ${locals.join(', ')}; return ${render(parts)};`);
  }

  /** Defines a function of an event that writes its data, and returns its name. */
  data(selection: Selection): string {
    const locals: string[] = ['data = event.data'];
    const body = this.#data(selection, locals);
    return this.#define('event', `let ${locals.join(', ')}; return ${body};`);
  }

  /** An expression of the public key as it is shown: text or null. */
  key(): string {
    const mask = compileKeyMask(this.#contract);
    return mask === null ? 'event.key' : `${this.#mask(mask)}(event.key)`;
  }

  #data(selection: Selection, locals: string[]): string {
    return `(data === null ? "null" : ${render(this.#object(this.#contract.fields, selection, 'data', locals))})`;
  }

  #envelope(field: SelectedField, locals: string[]): readonly Part[] {
    switch (field.name) {
      case 'product':
        return [{ text: JSON.stringify(this.#contract.product) }];
      case 'cursor':
        return [{ text: '"' }, { code: 'cursor' }, { text: '"' }];
      case 'topic':
        return [{ code: 'quote(event.topic)' }];
      case 'key':
        return [{ code: `quote(${this.key()})` }];
      case 'time':
        return [{ code: 'instant(event.time)' }];
      case 'op':
        return [{ text: '"' }, { code: 'event.op' }, { text: '"' }];
      case 'data':
        return [{ code: this.#data(field.of as Selection, locals) }];
      default:
        throw new TypeError(`no field of an event: ${field.name}`);
    }
  }

  #object(fields: readonly Field[], selection: Selection, held: string, locals: string[]): readonly Part[] {
    return object(selection, ({ name, of }) => {
      const field = fields.find((candidate) => candidate.name === name);
      if (field === undefined) throw new TypeError(`no field of ${selection.typeName}: ${name}`);
      const value = `${held}[${JSON.stringify(name)}]`;
      switch (field.mask) {
        case 'redact':
          return [{ text: JSON.stringify(REDACTED) }];
        case 'null':
          return [{ text: 'null' }];
        case 'hash':
          return [{ code: `quote(${this.#mask(compileMask('hash', this.#contract.restriction.salt))}(${value}))` }];
        default:
          return this.#value(field.type, of, value, locals);
      }
    });
  }

  #value(type: FieldType, of: Selection | null, value: string, locals: string[]): readonly Part[] {
    switch (type.kind) {
      case 'object': {
        const local = `v${locals.length}`;
        locals.push(local);
        const parts = this.#object(type.fields, of as Selection, local, locals);
        return [{ code: `((${local} = ${value}) == null ? "null" : ${render(parts)})` }];
      }
      case 'array':
        return [{ code: `${this.#array(type.items, of)}(${value})` }];
      case 'map':
        return [{ code: `${this.#map(type.values, of as Selection)}(${value})` }];
      case 'int':
      case 'number':
      case 'boolean':
        return [{ code: `(${value} ?? null)` }];
      default:
        return [{ code: `quote(${value})` }];
    }
  }

  #array(items: FieldType, of: Selection | null): string {
    const locals = ['text = "["'];
    const item = render(this.#value(items, of, 'list[i]', locals));
    return this.#define(
      'list',
      `if (list == null) return "null"; let ${locals.join(', ')}; for (let i = 0; i < list.length; i++) { if (i > 0) text += ","; text += ${item}; } return text + "]";`,
    );
  }

  #map(values: FieldType, entry: Selection): string {
    const locals: string[] = [];
    const part = ({ name, of }: SelectedField): readonly Part[] =>
      name === 'key' ? [{ code: 'quote(key)' }] : this.#value(values, of, 'map[key]', locals);
    const [key, value] = entry.fields as [SelectedField, SelectedField];
    const member =
      this.#maps === 'entries' ? object(entry, part) : [...part(key), { text: ':' } as const, ...part(value)];
    const [open, close] = this.#maps === 'entries' ? '[]' : '{}';
    return this.#define(
      'map',
      `if (map == null) return "null"; let ${[`text = "${open}"`, ...locals].join(', ')}; for (const key of Object.keys(map)) { if (text.length > 1) text += ","; text += ${render(member)}; } return text + "${close}";`,
    );
  }

  #define(parameters: string, body: string): string {
    const name = `f${this.#functions.length}`;
    this.#functions.push(`function ${name}(${parameters}) { ${body} }`);
    return name;
  }

  #mask(mask: (value: never) => string | null): string {
    this.#masks.push(mask);
    return `masks[${this.#masks.length - 1}]`;
  }
}
