/** What a log's source serves: where a product's records are, and what they mean. */
import type { PublicEvent } from '../contract/index.ts';
import type { AppendRecord, LogScan } from '../log/index.ts';
import type { PublishEvent } from './source.ts';

/** Decode, project and address every record of a scan. `live`: this is the one reader that sets rejected records aside. Never throws. */
export interface Reader {
  /** The contract's digest: the version of the projection. */
  readonly projection: string;
  read(scan: LogScan, live: boolean): readonly PublicEvent[];
  encode(event: PublishEvent): AppendRecord;
}

/** What is served under a product's name: where its records are and what they mean. */
export interface Served {
  readonly cluster: string;
  readonly topic: string;
  readonly reader: Reader;
}
