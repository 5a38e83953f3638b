/** Whether what one JSON Schema allows is allowed by another: what generators of diffs leave "unclassified". */

export type Schema = Readonly<Record<string, unknown>>;

export interface Mismatched {
  /** Dotted names of properties, `[]` for items, `{}` for values of maps; empty for the whole. */
  readonly path: string;
  readonly what: string;
}

/** Schemas by name: those that `$ref` points at. */
export interface Named {
  readonly [name: string]: Schema;
}

/**
 * Why a value of `from` need not be one of `to`; empty where each is. It knows what documents of contracts are made of: type, const,
 * pattern, format, minimum, maximum, required, properties, items, additionalProperties. `isRead`: a reader holds `to`, and misses a property
 * that `from` no longer has.
 */
export function compareSchemasOf(
  from: { readonly schema: Schema; readonly named: Named },
  to: { readonly schema: Schema; readonly named: Named },
  isRead: boolean,
): readonly Mismatched[] {
  const comparison = new Comparison(from.named, to.named, isRead);
  comparison.compare(from.schema, to.schema, '');
  return comparison.found;
}

class Comparison {
  readonly found: Mismatched[] = [];
  readonly #from: Named;
  readonly #to: Named;
  readonly #isRead: boolean;

  constructor(from: Named, to: Named, isRead: boolean) {
    this.#from = from;
    this.#to = to;
    this.#isRead = isRead;
  }

  compare(written: Schema, allowed: Schema, path: string): void {
    const [from, to] = [resolve(written, this.#from), resolve(allowed, this.#to)];
    const types = typesOf(from).filter((type) => !typesOf(to).includes(type));
    if (types.length > 0) {
      this.#add(path, `${types.join(', ')} instead of ${typesOf(to).join(', ')}`);
      if (!typesOf(from).some((type) => typesOf(to).includes(type))) return;
    }
    for (const word of ['const', 'pattern', 'format'] as const)
      if (to[word] !== undefined && to[word] !== from[word] && !isWithin(word, from[word], to[word]))
        this.#add(path, `${word} ${JSON.stringify(from[word] ?? null)} instead of ${JSON.stringify(to[word])}`);
    this.#range(from, to, path);
    this.#members(from, to, path);
    if (isSchema(from['items']) && isSchema(to['items'])) this.compare(from['items'], to['items'], `${path}[]`);
    const [values, allowedValues] = [from['additionalProperties'], to['additionalProperties']];
    if (isSchema(values) && isSchema(allowedValues)) this.compare(values, allowedValues, `${path}{}`);
  }

  #range(from: Schema, to: Schema, path: string): void {
    const [least, most] = [numberOf(from['minimum'], -Infinity), numberOf(from['maximum'], Infinity)];
    const [toLeast, toMost] = [numberOf(to['minimum'], -Infinity), numberOf(to['maximum'], Infinity)];
    if (least < toLeast || most > toMost)
      this.#add(path, `from ${least} to ${most} instead of from ${toLeast} to ${toMost}`);
  }

  #members(from: Schema, to: Schema, path: string): void {
    const [properties, known] = [membersOf(from), membersOf(to)];
    const given = namesOf(from['required']);
    for (const name of namesOf(to['required'])) {
      // One that is gone is said below, and once.
      if (!given.includes(name) && (properties[name] !== undefined || !this.#isRead))
        this.#add(within(path, name), 'it may be absent, and is required');
    }
    for (const [name, schema] of Object.entries(known)) {
      const member = properties[name];
      if (member !== undefined) this.compare(member, schema, within(path, name));
      else if (this.#isRead) this.#add(within(path, name), 'it is no longer there');
    }
    if (to['additionalProperties'] !== false) return;
    for (const name of Object.keys(properties))
      if (known[name] === undefined) this.#add(within(path, name), 'it is no longer allowed');
  }

  #add(path: string, what: string): void {
    this.found.push({ path, what });
  }
}

/** Formats that types have; others (uuid, email) are notes, which nothing is refused by. */
const formats: readonly unknown[] = ['int32', 'int64', 'double', 'decimal', 'date', 'date-time'];

function isWithin(word: 'const' | 'pattern' | 'format', from: unknown, to: unknown): boolean {
  if (word === 'format') return !formats.includes(to);
  if (word === 'const') return false;
  const [one, other] = [decimalOf(from), decimalOf(to)];
  return one !== null && other !== null && one.scale === other.scale && one.whole <= other.whole;
}

/** Digits before and after the point in the patterns of decimals, which are of one make; null for others. */
function decimalOf(pattern: unknown): { readonly whole: number; readonly scale: number } | null {
  const match = /^\^-\?(0|\[0-9\]|\(0\|\[1-9\]\[0-9\]\{0,(\d+)\}\))(?:\\\.\[0-9\]\{(\d+)\})?\$$/.exec(String(pattern));
  if (match === null) return null;
  const whole = match[2] === undefined ? (match[1] === '0' ? 0 : 1) : Number(match[2]) + 1;
  return { whole, scale: Number(match[3] ?? 0) };
}

function resolve(schema: Schema, named: Named): Schema {
  const reference = schema['$ref'];
  if (typeof reference !== 'string') return schema;
  return named[reference.slice('#/components/schemas/'.length)] ?? {};
}

function typesOf({ type }: Schema): readonly string[] {
  return typeof type === 'string' ? [type] : Array.isArray(type) ? (type as string[]) : [];
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function namesOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as string[]) : [];
}

function membersOf({ properties }: Schema): Readonly<Record<string, Schema>> {
  return (properties ?? {}) as Readonly<Record<string, Schema>>;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}

function within(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
