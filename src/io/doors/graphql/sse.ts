/**
 * Event streams over SSE, in the distinct connections mode of the GraphQL over SSE protocol: `next` events whose `id` is
 * the cursor, `complete` at the end, comments for what is no event.
 */
import { catalogue, SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import { OperationError } from '../../../core/view/index.ts';
import type { Wording } from '../wire/event-streams.ts';
import { nextEvent, sseEnvelope } from './envelopes.ts';
import { formatThrown } from './errors.ts';

const COMPLETE = 'event: complete\ndata: \n\n';

/**
 * What a client can mend is told in the stream, as the protocol has it, since a browser's EventSource shows nothing of a failed
 * request; what asks for another attempt is an HTTP status.
 */
export function sseWording(observe: Observe): Wording {
  return {
    envelope: sseEnvelope,
    keepAlive: ':\n\n',
    ready: (cursor) => `: ready ${cursor}\n\n`,
    // A block with an id and no data: EventSource remembers the id and shows nothing.
    progress: (cursor) => `: progress\nid: ${cursor}\n\n`,
    ended(thrown) {
      if (thrown === null) return COMPLETE;
      const cursor = thrown instanceof SluiceError ? (thrown.details.cursor ?? null) : null;
      return nextEvent(JSON.stringify({ errors: formatThrown(thrown, observe) }), cursor) + COMPLETE;
    },
    tells: (thrown) =>
      thrown instanceof OperationError || (thrown instanceof SluiceError && catalogue[thrown.code].retry === 'changed'),
  };
}
