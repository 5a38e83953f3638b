/** What a stream is asked for. */
export interface Asked {
  /** A topic filter: `*` is one level, `LA*` a level that begins so, a last `>` the rest. */
  readonly topic?: string;
  /** Which events, by their fields: {field: {eq, ne, in, gt, gte, lt, lte, prefix, isNull}}, nested like the data, combined by and, or, not. */
  readonly where?: Readonly<Record<string, unknown>>;
  /** Fields of the data that are wanted; nested ones by their dotted path. */
  readonly fields?: readonly string[];
  /** Where to begin where no cursor is kept: after this one; */
  readonly after?: string;
  /** since a time, for a duration (PT15M), or from `earliest`; */
  readonly since?: Date | string;
  /** so many matching events back. With none of these: what comes from now on. */
  readonly last?: number;
  readonly onLag?: 'catch_up' | 'conflate' | 'drop' | 'end';
  /** In seconds, 1 to 60. Something is heard at least this often; after three without a word the connection is given up. Default: 10. */
  readonly heartbeat?: number;
}

/** `position`: where to go on, in the place of where to begin. */
export function urlOf(base: string, asked: Asked, position: string | null): string {
  const url = new URL(base);
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined) url.searchParams.set(name, value);
  };
  set('topic', asked.topic);
  set('where', asked.where === undefined ? undefined : JSON.stringify(asked.where));
  set('fields', asked.fields?.join(','));
  set('onLag', asked.onLag);
  set('heartbeat', asked.heartbeat?.toString());
  if (position !== null) {
    set('after', position);
    return url.href;
  }
  set('after', asked.after);
  set('since', asked.since instanceof Date ? asked.since.toISOString() : asked.since);
  set('last', asked.last?.toString());
  return url.href;
}
