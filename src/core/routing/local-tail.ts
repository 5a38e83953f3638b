/** A live tail of a log: each scan projected as it comes. */
import type { SluiceError } from '../errors.ts';
import { type Incarnation, type Log, LogError, type LogScan, type Tail } from '../log/index.ts';
import type { Observe } from '../observe.ts';
import { incarnationDigest } from './digest.ts';
import { publicError, reset } from './failure.ts';
import type { HeardOf } from './heard.ts';
import type { Served } from './served.ts';
import type { Placement, Scan, SourceHandler, SourceTail } from './source.ts';

const RETRY_MS = 500;

export interface LocalTailOptions {
  readonly product: string;
  readonly at: Served;
  readonly log: Log;
  readonly from: Placement;
  /** undefined: all, and those that come. */
  readonly partitions: readonly number[] | undefined;
  readonly handler: SourceHandler;
  readonly heard: HeardOf;
  readonly observe: Observe;
  /** Whose digest this is, where that has been learnt already. */
  readonly known: Incarnation | undefined;
  readonly project: (scan: LogScan) => Scan;
  readonly wait: (ms: number) => Promise<void>;
}

export function openLocalTail(options: LocalTailOptions): SourceTail {
  const { product, at, log, from, handler, heard, observe, project, wait } = options;
  const partitions = options.partitions ?? [...from.vector.keys()];
  const read = observe.counter('sluice_records_read_total', { product });
  let tail: Tail | undefined;
  let closed = false;
  let hearing: ReturnType<HeardOf['begin']> | undefined;
  const close = (): void => {
    if (closed) return;
    closed = true;
    hearing?.end();
    void tail?.[Symbol.asyncDispose]();
  };
  const end = (error: SluiceError): void => {
    if (closed) return;
    close();
    handler.failed(error);
  };
  const describe = async (): Promise<Incarnation | null> => {
    while (!closed) {
      try {
        return (await log.describe(at.topic)).incarnation;
      } catch (error) {
        if (!(error instanceof LogError && error.kind === 'UNAVAILABLE')) throw error;
        await wait(RETRY_MS);
      }
    }
    return null;
  };
  const start = async (): Promise<void> => {
    const life = options.known ?? (await describe());
    if (closed || life === null) return;
    if (incarnationDigest(life) !== from.incarnation) return end(reset());
    const mine = heard.begin(product, from, partitions);
    hearing = mine;
    tail = log.tail(
      at.topic,
      life,
      new Map(partitions.map((partition) => [partition, from.vector[partition] as number])),
      {
        scan(scan) {
          if (closed) return;
          mine.scanned(scan.partition, scan.first, scan.to);
          read.add(scan.records.length);
          handler.scan(project(scan));
        },
        failed: (partition, error) => end(publicError(error, [{ partition, from: mine.at(partition) }])),
        grown(count) {
          if (closed) return;
          mine.grown(count);
          handler.grown(count);
        },
        reachable(reachable) {
          if (closed) return;
          const message = reachable ? 'source answers again' : 'source does not answer';
          observe.info(message, { product, cluster: at.cluster });
        },
      },
      { known: from.vector.length, fixed: options.partitions !== undefined },
    );
    if (closed) void tail[Symbol.asyncDispose]();
  };
  start().catch((error: unknown) => end(publicError(error, [])));
  return { close };
}
