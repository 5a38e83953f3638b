/**
 * Contracts in force, from a directory that is watched. A file whose newest text is broken never replaces its last good
 * contract; one that was never good has none. Contracts that are right alone and clash with others count as broken, whoever
 * came last.
 */
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import {
  type BrokenFile,
  type Contract,
  type ContractSet,
  checkCatalogue,
  type Finding,
  formatFindings,
  readContract,
} from '../../core/contract/index.ts';
import type { Observe } from '../../core/observe.ts';
import { type ContractFile, readContractFiles } from './directory.ts';

export interface WatchOptions {
  readonly dir: string;
  readonly observe: Observe;
  /** Told after each reload that changed anything; not for the first load, which `current` has. */
  readonly onChange: (set: ContractSet) => void;
  /** Clusters of the configuration: a contract of another one is broken. */
  readonly clusters?: readonly string[];
}

export interface ContractWatch extends AsyncDisposable {
  current(): ContractSet;
  /** The document that a contract of `current` was read from. */
  textOf(contract: Contract): string;
  /** Reads the directory now (SIGHUP); resolves once what it holds is in force. Never rejects. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** Editors write in several steps; what they leave after this many milliseconds of quiet is read. */
const quietMs = 50;

interface Known {
  readonly text: string | null;
  /** Of this text; null where it is broken. */
  readonly contract: Contract | null;
  readonly findings: readonly Finding[];
  readonly good: Contract | null;
  /** Of `good`. */
  readonly goodText: string;
}

/** Rejects where the directory cannot be read at first. Later it may go and come back: what was served is served meanwhile. */
export async function watchContracts(options: WatchOptions): Promise<ContractWatch> {
  const { dir, observe, onChange } = options;
  let known: ReadonlyMap<string, Known> = new Map();
  let set: ContractSet = { contracts: [], broken: [] };
  let watcher: FSWatcher | null = null;
  let watchedInode = 0;
  let timer: NodeJS.Timeout | null = null;
  let closed = false;
  let reading: Promise<void> = Promise.resolve();

  const adopt = (files: readonly ContractFile[]): boolean => {
    const before = set;
    known = readAll(files, known);
    const settled = settle(known, options.clusters);
    known = settled.known;
    set = settled.set;
    tell(observe, before, set);
    return describe(before) !== describe(set);
  };

  const read = async (): Promise<void> => {
    if (closed) return;
    try {
      await watchAgain();
      const changed = adopt(await readContractFiles(dir));
      if (changed && !closed) onChange(set);
    } catch (error) {
      observe.error('The contracts could not be reloaded; those in force stay.', {
        dir,
        cause: (error as Error).message,
      });
    }
  };
  const reload = (): Promise<void> => {
    reading = reading.then(read);
    return reading;
  };
  const soon = (): void => {
    if (closed) return;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      void reload();
    }, quietMs);
  };
  const unwatch = (): void => {
    watcher?.close();
    watcher = null;
  };
  // A watch is of the directory that it was made on, which may have been replaced by another of the same name.
  const watchAgain = async (): Promise<void> => {
    const { ino } = await stat(dir);
    if (closed || (watcher !== null && ino === watchedInode)) return;
    unwatch();
    watchedInode = ino;
    // Whatever the event names: mounted volumes change by links whose names say nothing.
    watcher = watch(dir, { persistent: false }, soon);
    watcher.on('error', (error) => {
      observe.warn('The directory of contracts is no longer watched; SIGHUP reloads it.', {
        dir,
        cause: error.message,
      });
      unwatch();
    });
  };

  await watchAgain();
  adopt(await readContractFiles(dir));

  const close = async (): Promise<void> => {
    closed = true;
    if (timer !== null) clearTimeout(timer);
    unwatch();
    await reading;
  };
  const textOf = ({ file }: Contract): string => known.get(file)?.goodText ?? '';
  return { current: () => set, textOf, reload, close, [Symbol.asyncDispose]: close };
}

function readAll(files: readonly ContractFile[], before: ReadonlyMap<string, Known>): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>();
  for (const { file, text, problem } of files) {
    const last = before.get(file);
    const good = last?.good ?? null;
    const goodText = last?.goodText ?? '';
    if (text === null) {
      const finding: Finding = {
        severity: 'error',
        rule: 'unreadable',
        file,
        line: 1,
        column: 1,
        message: problem ?? 'unreadable',
        hint: null,
      };
      known.set(file, { text, contract: null, findings: [finding], good, goodText });
    } else if (last !== undefined && last.text === text) known.set(file, last);
    else known.set(file, { text, ...readContract(text, file), good, goodText });
  }
  return known;
}

/** Takes the newest contracts as far as they go together; those that served before have the first right to their names. */
function settle(
  known: ReadonlyMap<string, Known>,
  clusters: readonly string[] | undefined,
): { readonly known: ReadonlyMap<string, Known>; readonly set: ContractSet } {
  const chosen = new Map<string, Contract>();
  const clashes = new Map<string, readonly Finding[]>();
  for (const [file, entry] of known) {
    const contract = entry.contract ?? entry.good;
    if (contract !== null) chosen.set(file, contract);
  }
  for (;;) {
    const standing = (contract: Contract): number =>
      known.get(contract.file)?.good?.digest === contract.digest ? 0 : 1;
    const inOrder = [...chosen.values()].sort((a, b) => standing(a) - standing(b));
    const findings = checkCatalogue(inOrder, clusters === undefined ? {} : { clusters });
    if (findings.length === 0) break;
    for (const file of new Set(findings.map((finding) => finding.file))) {
      const own = findings.filter((finding) => finding.file === file);
      clashes.set(file, own);
      const good = known.get(file)?.good ?? null;
      if (good === null || good === chosen.get(file)) chosen.delete(file);
      else chosen.set(file, good);
    }
  }
  const after = new Map<string, Known>();
  const broken: BrokenFile[] = [];
  for (const [file, entry] of known) {
    const good = chosen.get(file) ?? null;
    const goodText = good !== null && good === entry.contract ? (entry.text ?? '') : entry.goodText;
    after.set(file, { ...entry, good, goodText });
    const clash = clashes.get(file);
    if (entry.contract === null || clash !== undefined) {
      broken.push({ file, findings: [...entry.findings, ...(clash ?? [])], serving: good !== null });
    }
  }
  const contracts = [...known.keys()].flatMap((file) => chosen.get(file) ?? []);
  return { known: after, set: { contracts, broken } };
}

function describe(set: ContractSet): string {
  return JSON.stringify([set.contracts.map(({ file, digest }) => [file, digest]), set.broken]);
}

function tell(observe: Observe, before: ContractSet, now: ContractSet): void {
  observe.gauge('sluice_contracts_broken').set(now.broken.length);
  const serving = now.contracts.filter((contract) => contract.source !== null).length;
  observe.gauge('sluice_contracts', { state: 'serving' }).set(serving);
  observe.gauge('sluice_contracts', { state: 'catalogued' }).set(now.contracts.length - serving);
  for (const entry of now.broken) {
    if (before.broken.some((other) => JSON.stringify(other) === JSON.stringify(entry))) continue;
    const consequence = entry.serving ? 'its last good contract stays in force' : 'it is not served';
    observe.error(`The contract ${entry.file} is broken; ${consequence}.`, {
      file: entry.file,
      findings: formatFindings(entry.findings),
    });
  }
  for (const entry of before.broken) {
    if (now.broken.some((other) => other.file === entry.file)) continue;
    observe.info(`The contract ${entry.file} is no longer broken.`, { file: entry.file });
  }
}
