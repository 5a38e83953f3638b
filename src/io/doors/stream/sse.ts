/** One stream over SSE: CloudEvents whose id is the cursor, control events under the name of their type. */
import type { Observe } from '../../../core/observe.ts';
import type { EventStream, Wording } from '../wire/event-streams.ts';
import { controlEvent, errorEvent, shownError } from './control.ts';
import { controlBlock, EventStreamEnvelope } from './envelopes.ts';
import type { Beating } from './heartbeats.ts';
import { heartbeatText } from './paths.ts';

/** Refusals are statuses of HTTP: a browser's EventSource gives up on those, as it must. */
export function streamWording(product: string, heartbeatMs: number, observe: Observe): Wording {
  return {
    envelope: new EventStreamEnvelope(product),
    keepAlive: null,
    ready: (cursor) =>
      controlBlock(controlEvent(product, 'sluice.ready', cursor, { heartbeat: heartbeatText(heartbeatMs) }), cursor),
    // Heartbeats stand for it.
    progress: () => null,
    ended(thrown) {
      if (thrown === null) return '';
      const error = shownError(thrown, observe);
      return controlBlock(errorEvent(product, error), error.details.cursor ?? null);
    },
    tells: () => false,
  };
}

/** The stream as heartbeats see it. */
export function beatingOf(stream: EventStream, product: string, heartbeatMs: number): Beating {
  return {
    heartbeatMs,
    get sent() {
      return stream.sink.taken;
    },
    beat() {
      const cursor = stream.idleAt;
      if (cursor !== null) stream.write(controlBlock(controlEvent(product, 'sluice.progress', cursor, null), cursor));
    },
  };
}
