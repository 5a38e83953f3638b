/**
 * Publishing: authorise -> check the payloads -> key -> append -> receipts. One event by GraphQL, one or many by streams.
 */
import type { Access } from '../core/access/index.ts';
import { type CompiledContract, type Contract, PayloadError, type PublicData } from '../core/contract/index.ts';
import { encodeCursor } from '../core/delivery/index.ts';
import { SluiceError } from '../core/errors.ts';
import type { Once } from '../core/log/index.ts';
import type { PublishEvent, Published, Source, Vector } from '../core/routing/index.ts';
import { check, invalid, isAccepted, isRefused, type Refused } from './checked.ts';
import { onceDigest, onceKey } from './once.ts';
import type { ExecutionContext, PublishReceipt, Session, StreamPublish } from './ports.ts';

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
    const { end } = await source.extent(contract.product);
    const published = await source.append(contract.product, events);
    if (published.length !== events.length) throw new SluiceError('INTERNAL');
    return receipts(contract, end, published);
  };

  /** null: the key is that of other events. The ends before the first attempt are kept, so that a repetition has the same cursors. */
  const appendOnce = async (
    contract: Contract,
    events: readonly PublishEvent[],
    asked: Pick<Once, 'key' | 'digest'>,
  ): Promise<{ readonly receipts: readonly PublishReceipt[]; readonly isRepeated: boolean } | null> => {
    // What records nothing needs no key to do so once.
    if (events.length === 0) return { receipts: [], isRepeated: false };
    const memo = JSON.stringify((await source.extent(contract.product)).end);
    const found = await source.appendOnce(contract.product, events, { ...asked, memo });
    if (found.digest !== asked.digest) return null;
    const end = JSON.parse(found.memo) as Vector;
    return { receipts: receipts(contract, end, found.published), isRepeated: found.isRepeated };
  };

  return {
    async one(contract, input, { session, traceparent }) {
      const compiled = authorised(session, contract);
      const data = accepted(compiled, input);
      const [receipt] = await append(contract, [{ key: compiled.keyOf(data), data, traceparent }]);
      return receipt as PublishReceipt;
    },

    async stream(session, product, candidates, { isPartial, once }) {
      const contract = publishedContract(session, product);
      const compiled = authorised(session, contract);
      const checked = candidates.map((candidate, index) => check(compiled, candidate, index));
      const refused = checked.filter(isRefused);
      if (!isPartial && refused.length > 0) throw invalid(refused.flatMap(({ violations }) => violations));
      const accepted = checked.filter(isAccepted);
      const appended =
        once === null
          ? { receipts: await append(contract, accepted), isRepeated: false }
          : await appendOnce(contract, accepted, {
              key: onceKey(session.principal.application.id, product, once.key),
              digest: onceDigest(candidates.filter((_, index) => isAccepted(checked[index] as PublishEvent | Refused))),
            });
      if (appended === null) return null;
      const next = appended.receipts.values();
      return {
        events: checked.map((one) =>
          isRefused(one) ? invalid(one.violations) : (next.next().value as PublishReceipt),
        ),
        isRepeated: appended.isRepeated,
      };
    },
  };
}

/** A receipt's cursor resumes right after its event; the other partitions where they stood before it. */
function receipts(contract: Contract, end: Vector, published: readonly Published[]): readonly PublishReceipt[] {
  const vector = [...end];
  return published.map(({ incarnation, partition, offset, time }) => {
    vector[partition] = offset + 1;
    return { cursor: encodeCursor([{ product: contract.name, incarnation, vector }]), time };
  });
}

/** A product that the session is not shown is answered like one that does not exist. */
function publishedContract({ surface }: Session, product: string): Contract {
  const found = [...surface.mutation.values()].find(({ contract }) => contract.product === product)?.contract;
  if (found !== undefined) return found;
  if (surface.contracts.some((contract) => contract.product === product))
    throw new SluiceError('FORBIDDEN', `The application may not publish to "${product}".`);
  throw new SluiceError('NOT_FOUND', `There is no stream "${product.slice(0, 100)}".`);
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
