/**
 * Filters by a value that a field must have. An event looks up the value of each field that any filter is entered under, so it costs
 * by fields in use, however many values and filters there are. The semantics are those of `compilePredicate`.
 */
import { compileRead, knownAt, type PublicData, type PublicEvent } from '../../contract/index.ts';
import { Bucket, type Entry } from './entry.ts';
import type { Finds } from './finds.ts';
import type { Equality } from './lookups.ts';
import { SievedMap } from './sieved-map.ts';

interface FieldValues<T extends object> {
  readonly path: readonly string[];
  readonly read: (data: PublicData) => unknown;
  readonly buckets: SievedMap<Bucket<T>>;
}

export class EqualityIndex<T extends object> {
  readonly #byPath = new Map<string, FieldValues<T>>();
  /** The same, to go through without an iterator. */
  #fields: FieldValues<T>[] = [];

  insert({ path, value }: Equality, entry: Entry<T>): void {
    const name = nameOf(path);
    let field = this.#byPath.get(name);
    if (field === undefined) {
      field = { path, read: compileRead(path), buckets: new SievedMap() };
      this.#byPath.set(name, field);
      this.#fields.push(field);
    }
    const bucket = field.buckets.get(value) ?? new Bucket<T>();
    field.buckets.set(value, bucket);
    bucket.add(entry);
  }

  remove({ path, value }: Equality, entry: Entry<T>): void {
    const name = nameOf(path);
    const field = this.#byPath.get(name);
    if (!field?.buckets.get(value)?.delete(entry)) return;
    field.buckets.delete(value);
    if (field.buckets.size > 0) return;
    this.#byPath.delete(name);
    this.#fields = [...this.#byPath.values()];
  }

  /** Hands over the buckets of all values that the event has. */
  find(event: PublicEvent, finds: Finds<T>): void {
    const { data } = event;
    const fields = this.#fields;
    for (let i = 0; i < fields.length; i++) {
      const { buckets, path, read } = fields[i] as FieldValues<T>;
      // What is not known of a deleted event equals nothing; what is absent of another is null.
      const value = data === null ? knownAt(event.keyData, path) : (read(data) ?? null);
      const bucket = buckets.get(value);
      if (bucket !== undefined) finds.take(bucket);
    }
  }

  count(): number {
    return this.#fields.reduce((sum, { buckets }) => sum + 1 + buckets.size, 0);
  }
}

/** Public names have no dots. */
function nameOf(path: readonly string[]): string {
  return path.join('.');
}
