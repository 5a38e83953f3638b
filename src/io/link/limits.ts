/** What a link may take, of time and of memory. */
import { MAX_MESSAGE_BYTES } from '../../core/routing/index.ts';

export interface LinkLimits {
  /** From the connection to the end of the handshake. */
  readonly handshakeMs: number;
  /** Pings go out so often; an end of which nothing is heard for three times so long is given up. */
  readonly pingMs: number;
  /** Bytes that wait to be taken by the other end: from here on `send` answers false. */
  readonly highWaterBytes: number;
  /** From here on the link is closed with an error. What waits is bounded by the credit of the scan stream, far below this. */
  readonly maxUnsentBytes: number;
  /** Connections of a listener that have not proved who they are; and those of one address, or of one IPv6 /64 network. */
  readonly maxUnproved: number;
  readonly maxUnprovedPerAddress: number;
}

export const DEFAULT_LINK_LIMITS: LinkLimits = {
  handshakeMs: 5_000,
  pingMs: 1_000,
  highWaterBytes: 1_048_576,
  maxUnsentBytes: 2 * MAX_MESSAGE_BYTES,
  maxUnproved: 64,
  maxUnprovedPerAddress: 16,
};
