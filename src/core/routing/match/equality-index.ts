/**
 * Filters by a value that a field must have. An event looks up the value of each field that any filter is entered under, so it costs
 * by fields in use, however many values and filters there are. The semantics are those of `compilePredicate`.
 */
import { compileRead, knownAt, type PublicData, type PublicEvent } from '../../contract/index.ts';
import type { Bucket } from './entry.ts';
import type { Finds } from './finds.ts';
import type { Equality } from './lookups.ts';

interface FieldValues<T extends object> {
  readonly path: readonly string[];
  readonly read: (data: PublicData) => unknown;
  readonly buckets: Map<unknown, Bucket<T>>;
}

export class EqualityIndex<T extends object> {
  readonly #byPath = new Map<string, FieldValues<T>>();
  /** The same, to go through without an iterator. */
  #fields: FieldValues<T>[] = [];

  get({ path, value }: Equality): Bucket<T> | null {
    return this.#byPath.get(nameOf(path))?.buckets.get(value) ?? null;
  }

  /** The bucket of this value, which the caller puts a filter into. */
  open({ path, value }: Equality): Bucket<T> {
    const name = nameOf(path);
    let field = this.#byPath.get(name);
    if (field === undefined) {
      field = { path, read: compileRead(path), buckets: new Map() };
      this.#byPath.set(name, field);
      this.#fields.push(field);
    }
    let bucket = field.buckets.get(value);
    if (bucket === undefined) {
      bucket = [];
      field.buckets.set(value, bucket);
    }
    return bucket;
  }

  /** The bucket of this value has become empty. */
  close({ path, value }: Equality): void {
    const name = nameOf(path);
    const field = this.#byPath.get(name);
    if (field === undefined) return;
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
