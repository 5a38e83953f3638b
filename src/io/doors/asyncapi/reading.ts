/** Reading of plain JSON: what is not there, or is something else, is empty. */

export type Json = Readonly<Record<string, unknown>>;

export function record(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((held, name) => record(held)[name], value);
}
