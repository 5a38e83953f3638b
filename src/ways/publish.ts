/**
 * Publishing: authorise -> check the payloads -> key -> append -> receipts. One event by GraphQL, one or many by streams.
 */
import type { Access } from '../core/access/index.ts';
import {
  type CompiledContract,
  type Contract,
  PayloadError,
  type PublicData,
  violationsOf,
} from '../core/contract/index.ts';
import { encodeCursor } from '../core/delivery/index.ts';
import { SluiceError } from '../core/errors.ts';
import type { PublishEvent, Source } from '../core/routing/index.ts';
import type {
  ExecutionContext,
  PublishReceipt,
  Session,
  StreamEvent,
  StreamPublish,
  StreamViolation,
} from './ports.ts';

/** Violations that one answer tells. */
const MAX_VIOLATIONS = 100;

export interface PublishWay {
  /** Errors: FORBIDDEN, NOT_FOUND, PAYLOAD_INVALID naming the place below `input`, UNAVAILABLE. */
  one(contract: Contract, input: unknown, context: ExecutionContext): Promise<PublishReceipt>;
  readonly stream: StreamPublish;
}

export function createPublishWay(options: {
  readonly access: Access;
  readonly source: Source;
  /** The contract in force under this product, compiled; null where it went meanwhile. */
  readonly compiled: (product: string) => CompiledContract | null;
}): PublishWay {
  const { access, source } = options;

  const authorised = (session: Session, contract: Contract): CompiledContract => {
    access.authorise(session.principal, contract, 'publish');
    const compiled = options.compiled(contract.product);
    if (compiled === null) throw new SluiceError('NOT_FOUND', `There is no product "${contract.product}".`);
    return compiled;
  };

  const append = async (contract: Contract, events: readonly PublishEvent[]): Promise<readonly PublishReceipt[]> => {
    if (events.length === 0) return [];
    // A receipt's cursor resumes right after its event; the other partitions where they stood before it.
    const vector = [...(await source.extent(contract.product)).end];
    const published = await source.append(contract.product, events);
    if (published.length !== events.length) throw new SluiceError('INTERNAL');
    return published.map(({ incarnation, partition, offset, time }) => {
      vector[partition] = offset + 1;
      return { cursor: encodeCursor([{ product: contract.name, incarnation, vector }]), time };
    });
  };

  return {
    async one(contract, input, { session, traceparent }) {
      const compiled = authorised(session, contract);
      const data = accepted(compiled, input);
      const [receipt] = await append(contract, [{ key: compiled.keyOf(data), data, traceparent }]);
      return receipt as PublishReceipt;
    },

    async stream(session, product, candidates, isPartial) {
      const contract = publishedContract(session, product);
      const compiled = authorised(session, contract);
      const checked = candidates.map((candidate, index) => check(compiled, candidate, index));
      const refused = checked.filter(isRefused);
      if (!isPartial && refused.length > 0) throw invalid(refused.flatMap(({ violations }) => violations));
      const receipts = (await append(contract, checked.filter(isAccepted))).values();
      return checked.map((one) =>
        isRefused(one) ? invalid(one.violations) : (receipts.next().value as PublishReceipt),
      );
    },
  };
}

/** A product that the session is not shown is answered like one that does not exist. */
function publishedContract({ surface }: Session, product: string): Contract {
  const found = [...surface.mutation.values()].find(({ contract }) => contract.product === product)?.contract;
  if (found !== undefined) return found;
  if (surface.contracts.some((contract) => contract.product === product))
    throw new SluiceError('FORBIDDEN', `The application may not publish to "${product}".`);
  throw new SluiceError('NOT_FOUND', `There is no stream "${product.slice(0, 100)}".`);
}

interface Refused {
  readonly violations: readonly StreamViolation[];
}

function isRefused(checked: PublishEvent | Refused): checked is Refused {
  return 'violations' in checked;
}

function isAccepted(checked: PublishEvent | Refused): checked is PublishEvent {
  return !isRefused(checked);
}

function check(
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

function accepted(compiled: CompiledContract, input: unknown): PublicData {
  try {
    return compiled.accept(input);
  } catch (error) {
    if (error instanceof PayloadError) {
      throw new SluiceError('PAYLOAD_INVALID', `input.${error.message}`, { details: { path: `input.${error.path}` } });
    }
    throw error;
  }
}

/** The first violation in words, and all of them by their JSON pointers within the event. */
function invalid(violations: readonly StreamViolation[]): SluiceError {
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
