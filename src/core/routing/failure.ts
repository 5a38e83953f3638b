/** What a log's failures mean to whoever subscribed: the same few catalogue errors, whichever adapter failed. */
import { asSluiceError, SluiceError } from '../errors.ts';
import { LogError } from '../log/index.ts';

interface Missing {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** CURSOR_EXPIRED that names what cannot be had; whoever knows the cursor adds `resume`. */
export function expired(missing: readonly Missing[], cause?: unknown): SluiceError {
  const ranges = missing.map((m) => `partition ${m.partition}: ${m.from} to ${m.to}`).join('; ');
  const held = missing.map((m) => `${m.to} in partition ${m.partition}`).join(', ');
  const message = `Events after the cursor are no longer held (${ranges}). The first position still held is ${held}: resume there.`;
  return new SluiceError('CURSOR_EXPIRED', message, { details: { missing }, cause });
}

export function reset(cause?: unknown): SluiceError {
  return new SluiceError('SOURCE_RESET', undefined, { cause });
}

/** `positions`: where the reader stood, so that the missing range can be named. */
export function publicError(
  error: unknown,
  positions: readonly { readonly partition: number; readonly from: number }[],
): SluiceError {
  if (!(error instanceof LogError)) return asSluiceError(error);
  switch (error.kind) {
    case 'OUT_OF_RANGE': {
      const { extent } = error;
      const missing = positions
        .filter((at) => extent !== undefined && at.partition === extent.partition && at.from < extent.first)
        .map((at) => ({ partition: at.partition, from: at.from, to: extent?.first ?? at.from }));
      return missing.length > 0 ? expired(missing, error) : reset(error);
    }
    case 'RECREATED':
      return reset(error);
    case 'UNKNOWN_TOPIC':
    case 'UNAUTHORISED':
    case 'UNAVAILABLE':
      return new SluiceError('UNAVAILABLE', 'The source of this product cannot be read at the moment: try again.', {
        cause: error,
      });
    default:
      return new SluiceError('INTERNAL', undefined, { cause: error });
  }
}
