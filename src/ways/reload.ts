/**
 * The contracts' way: files changed -> compile aside -> prepare the codec -> serve -> recompile the views. Which contract of a file
 * is in force (the newest, or the last good one) has been decided before.
 */
import { type Codec, type CompiledContract, type Contract, compileContract } from '../core/contract/index.ts';
import type { Delivery } from '../core/delivery/index.ts';
import type { Observe } from '../core/observe.ts';
import type { Served } from '../core/routing/index.ts';
import { eventReader, type SetAside } from './event.ts';

export interface ContractsInForce {
  /** The same array until something changes. */
  readonly contracts: () => readonly Contract[];
  readonly compiled: (product: string) => CompiledContract | null;
  /** Puts these contracts in force, one reload at a time; resolves when new requests see them. */
  reload(next: readonly Contract[]): Promise<void>;
}

interface InForce {
  readonly contract: Contract;
  readonly compiled: CompiledContract;
}

export function createContractsInForce(options: {
  /** Puts a product in force at the source, or takes it away. */
  readonly serve: (product: string, served: Served | null) => void;
  readonly delivery: Pick<Delivery, 'reload'>;
  readonly codecs: readonly Codec[];
  readonly observe: Observe;
  readonly setAside: SetAside;
}): ContractsInForce {
  const { delivery, observe } = options;
  let inForce: ReadonlyMap<string, InForce> = new Map();
  let contracts: readonly Contract[] = [];
  let last: Promise<void> = Promise.resolve();

  const swap = async (next: readonly Contract[]): Promise<void> => {
    const compiled = new Map<string, InForce>();
    for (const contract of next) {
      const before = inForce.get(contract.product);
      if (before?.contract.digest === contract.digest) {
        compiled.set(contract.product, before);
      } else {
        compiled.set(contract.product, { contract, compiled: compileContract(contract) });
      }
    }
    const changes = [...compiled].filter(([product, { compiled: now }]) => inForce.get(product)?.compiled !== now);
    const readers = await Promise.all(changes.map(([, { contract, compiled: now }]) => prepare(contract, now)));
    const gone = [...inForce.keys()].filter((product) => !compiled.has(product));
    inForce = compiled;
    contracts = [...compiled.values()].map(({ contract }) => contract);
    for (const [i, [product]] of changes.entries()) options.serve(product, readers[i] ?? null);
    for (const product of gone) options.serve(product, null);
    for (const product of [...changes.map(([name]) => name), ...gone]) delivery.reload(product);
    tell(
      changes.map(([, { contract }]) => contract),
      gone,
    );
  };

  const prepare = async (contract: Contract, compiled: CompiledContract): Promise<Served | null> => {
    const at = contract.source;
    if (at === null) return null;
    const codec = options.codecs.find((candidate) => candidate.formats.includes(at.format));
    if (codec === undefined) return null;
    const reader = eventReader(contract, compiled, await codec.prepare(contract), observe, options.setAside);
    return { cluster: at.cluster, topic: at.topic, reader };
  };

  const tell = (changed: readonly Contract[], gone: readonly string[]): void => {
    for (const { product, version, status, source: at } of changed) {
      observe.info(at === null ? 'contract catalogued' : 'contract in force', { product, version, status });
    }
    for (const product of gone) observe.info('contract withdrawn', { product });
    observe
      .gauge('sluice_contracts', { state: 'serving' })
      .set(contracts.filter(({ source: at }) => at !== null).length);
    observe
      .gauge('sluice_contracts', { state: 'catalogued' })
      .set(contracts.filter(({ source: at }) => at === null).length);
  };

  return {
    contracts: () => contracts,
    compiled: (product) => inForce.get(product)?.compiled ?? null,
    reload(next) {
      last = last.then(
        () => swap(next),
        () => swap(next),
      );
      return last;
    },
  };
}
