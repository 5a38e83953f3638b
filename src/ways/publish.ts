/**
 * Publishing: authorise -> check the payload -> key -> append -> receipt.
 */
import type { Access } from '../core/access/index.ts';
import { type CompiledContract, type Contract, PayloadError, type PublicData } from '../core/contract/index.ts';
import { encodeCursor } from '../core/delivery/index.ts';
import { SluiceError } from '../core/errors.ts';
import type { Source } from '../core/routing/index.ts';
import type { ExecutionContext } from './ports.ts';

export interface PublishReceipt {
  readonly cursor: string;
  readonly time: number;
}

export function createPublishWay(options: {
  readonly access: Access;
  readonly source: Source;
  /** The contract in force under this product, compiled; null where it went meanwhile. */
  readonly compiled: (product: string) => CompiledContract | null;
}): (contract: Contract, input: unknown, context: ExecutionContext) => Promise<PublishReceipt> {
  const { access, source } = options;

  return async (contract, input, { session, traceparent }) => {
    access.authorise(session.principal, contract, 'publish');
    const compiled = options.compiled(contract.product);
    if (compiled === null) throw new SluiceError('NOT_FOUND', `There is no product "${contract.product}".`);
    const data = checked(compiled, input);
    // The receipt's cursor resumes right after the event; the other partitions where they stood before it.
    const { end } = await source.extent(contract.product);
    const [published] = await source.append(contract.product, [{ key: compiled.keyOf(data), data, traceparent }]);
    if (published === undefined) throw new SluiceError('INTERNAL');
    const { incarnation, partition, offset, time } = published;
    const vector = end.map((next, p) => (p === partition ? offset + 1 : next));
    return { cursor: encodeCursor([{ product: contract.name, incarnation, vector }]), time };
  };
}

function checked(compiled: CompiledContract, input: unknown): PublicData {
  try {
    return compiled.accept(input);
  } catch (error) {
    if (error instanceof PayloadError) {
      throw new SluiceError('PAYLOAD_INVALID', `input.${error.message}`, { details: { path: `input.${error.path}` } });
    }
    throw error;
  }
}
