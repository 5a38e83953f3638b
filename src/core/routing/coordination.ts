/**
 * The coordination port: which nodes a site has now. Nothing of it must be true for deliveries to be right, and nothing of it is kept for
 * longer than its nodes live: offsets say what was told (positions), and the state of record what was decided.
 */

/** A node as the others of its site know it. */
export interface Member {
  /** Unique in the site. */
  readonly node: string;
  /** Which of its lives: another one at each start. */
  readonly incarnation: string;
  /** Where it takes links: `ws://host:port` or `wss://host:port`. */
  readonly address: string;
}

/** A member as an observer is told of it. */
export interface Surveyed extends Member {
  /** Since its last sign of life, by the store's clock. */
  readonly seenMsAgo: number;
  /** As it described itself last: JSON; null: not yet. */
  readonly about: string | null;
}

/** Why the store did not answer. */
export class CoordinationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CoordinationError';
  }
}

export interface Coordination extends AsyncDisposable {
  /**
   * Makes this node a member as soon as the store answers and no other life of that node is one, and keeps it one until this is disposed,
   * which takes it away at once. To be called once.
   */
  join(self: Member): void;
  /** What this node says of itself to observers: JSON of at most 65,536 characters. It goes out with the next sign of life. */
  describe(about: string): void;
  /**
   * As this node knows them, without waiting, in no order; itself included once it has joined. One of whom nothing is heard for the time
   * to live is gone, but none is while the store does not answer; and where the store has lost everything, who was there has as long to
   * come again.
   */
  readonly members: readonly Member[];
  /** Whether this node is a member. */
  readonly joined: boolean;
  /** Whether the store answered when it was last asked. */
  readonly reachable: boolean;
  /** Has `changed` called when any of this has changed: of members mostly at once, else within two heartbeats. */
  watch(changed: () => void): () => void;
  /** All members as the store has them now. Rejects with CoordinationError. */
  survey(): Promise<readonly Surveyed[]>;
}
