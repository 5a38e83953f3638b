/**
 * Where the position of a subscription is kept. `save` is called with the cursor of an event once the application is done with it, which
 * is when it asks for the next one; never twice at a time. What is kept where the effect of events is kept, in one transaction with it,
 * is delivered exactly once: then take each event's cursor from the event instead.
 */
export interface CursorStore {
  /** null: nothing was kept yet. */
  load(): Promise<string | null> | string | null;
  save(cursor: string): Promise<void> | void;
}

/** Lives as long as the process: enough to go on where a connection broke. */
export function memoryCursorStore(cursor: string | null = null): CursorStore {
  let kept = cursor;
  return {
    load: () => kept,
    save(next) {
      kept = next;
    },
  };
}
