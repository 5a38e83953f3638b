/**
 * The channel port: what a scan stream travels on. Two ends, each of which sends whole binary messages to the other: between the
 * processes of one node today, between nodes and sites by other adapters.
 */
export interface Channel {
  /**
   * Sends one message, made of these parts in order. The other end gets it whole, once, after all that was sent before it, or the
   * channel closes. The parts must not be changed afterwards: the channel may keep them, and several channels may be handed the
   * same ones. Never throws, never blocks. False: as much waits to be taken as the channel wants to keep, and `drained` will tell
   * when there is room; what is sent all the same is kept, so only what is bounded otherwise may be sent then. On a closed
   * channel it does nothing and answers true.
   */
  send(parts: readonly Uint8Array[]): boolean;
  /** Begins to hand over what arrives; to be called once, and nothing is handed over from within it. */
  receive(receiver: ChannelReceiver): void;
  /** Ends the channel in both directions. `error`: why, where it is not over by itself. Idempotent. */
  close(error?: Error): void;
}

/** Called by the channel, never from within `send` or `receive`. */
export interface ChannelReceiver {
  /** The bytes may be a view of a larger buffer: whoever keeps them for long copies them. */
  message(bytes: Uint8Array): void;
  /** There is room again; told only after a `send` that answered false. */
  drained(): void;
  /** Told once, whoever ended it, and nothing comes after it. null: closed in order by one of the ends. */
  closed(error: Error | null): void;
}
