/** Events that are to be published, one by one: what they become, or all that is wrong with them. */
import { type CompiledContract, PayloadError, violationsOf } from '../core/contract/index.ts';
import { SluiceError } from '../core/errors.ts';
import type { PublishEvent } from '../core/routing/index.ts';
import type { StreamEvent, StreamViolation } from './ports.ts';

/** Violations that one answer tells. */
const MAX_VIOLATIONS = 100;

export interface Refused {
  readonly violations: readonly StreamViolation[];
}

export function isRefused(checked: PublishEvent | Refused): checked is Refused {
  return 'violations' in checked;
}

export function isAccepted(checked: PublishEvent | Refused): checked is PublishEvent {
  return !isRefused(checked);
}

export function check(
  compiled: CompiledContract,
  { data: input, traceparent, violations }: StreamEvent,
  index: number,
): PublishEvent | Refused {
  // What is no event at all has no data to look at.
  const isEvent = violations.every(({ path }) => path.length > 0);
  const found = (isEvent ? violationsOf(compiled.contract, input, MAX_VIOLATIONS) : []).map(
    ({ path, reason }): StreamViolation => ({ event: index, path: ['data', ...path], reason }),
  );
  if (violations.length + found.length > 0) return { violations: [...violations, ...found] };
  try {
    const data = compiled.accept(input);
    return { key: compiled.keyOf(data), data, traceparent };
  } catch (thrown) {
    // A derivation failed over what is valid by itself.
    if (thrown instanceof PayloadError)
      return { violations: [{ event: index, path: ['data'], reason: thrown.message }] };
    throw thrown;
  }
}

/** The first violation in words, and all of them by their JSON pointers within the event. */
export function invalid(violations: readonly StreamViolation[]): SluiceError {
  const told = violations.slice(0, MAX_VIOLATIONS).map(({ event, path, reason }) => ({
    event,
    pointer: path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
    path: placeOf(event, path),
    message: reason,
  }));
  const [first] = told;
  return new SluiceError('PAYLOAD_INVALID', `${first?.path}: ${first?.message}`, {
    details: { ...(first === undefined ? {} : { path: first.path }), violations: told },
  });
}

function placeOf(event: number, path: readonly (string | number)[]): string {
  const below = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`));
  return `events[${event}]${below.join('')}`;
}
