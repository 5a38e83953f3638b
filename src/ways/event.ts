/**
 * The event's way (hot), as a list of steps:
 *
 *   log -> decode -> project -> address    once per record and site: `eventReader`, over core/contract
 *   -> match                               once per record, through an index over all filters: core/routing
 *   -> admit/charge                        once per batch, cohort and grant: `createGates`
 *   -> serialise once                      once per distinct view: core/view
 *   -> fan out                             one write per socket and tick: core/delivery
 *
 * A record that breaks its contract never stops its partition: it is counted, logged by position and set aside.
 */
import type { Grant } from '../core/access/index.ts';
import {
  type CompiledContract,
  type Contract,
  type Decoder,
  type Encoder,
  PayloadError,
  type PublicEvent,
} from '../core/contract/index.ts';
import type { Gate } from '../core/delivery/index.ts';
import type { LogRecord, LogScan } from '../core/log/index.ts';
import type { Counter, Observe } from '../core/observe.ts';
import type { Reader } from '../core/routing/index.ts';

/** Where a rejected record is told: by position and reason, never with its content. Must not block or throw. */
export type SetAside = (rejection: {
  readonly product: string;
  readonly topic: string;
  readonly incarnation: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
}) => void;

/** The reader of one product: what its records mean, in the steps of the event's way. */
export function eventReader(
  contract: Contract,
  compiled: CompiledContract,
  codec: Decoder & Encoder,
  observe: Observe,
  setAside: SetAside,
): Reader {
  const rejected = new Map<string, Counter>();

  const read = (partition: number, record: LogRecord): PublicEvent => {
    if (record.value === null) return compiled.tombstone(partition, record);
    const decoded = codec.decode(record.value);
    const data = compiled.project(decoded);
    return compiled.address(partition, record, data);
  };

  const reject = (scan: LogScan, record: LogRecord, error: unknown): void => {
    const reason = error instanceof PayloadError ? error.message : 'the record could not be read';
    const kind = record.value === null ? 'tombstone' : error instanceof PayloadError ? 'payload' : 'internal';
    const { product, source } = contract;
    const counter = rejected.get(kind) ?? observe.counter('sluice_records_rejected_total', { product, reason: kind });
    rejected.set(kind, counter);
    counter.add(1);
    setAside({
      product,
      topic: source?.topic ?? '',
      incarnation: scan.incarnation.topic,
      partition: scan.partition,
      offset: record.offset,
      reason,
    });
  };

  return {
    projection: contract.digest,
    read(scan, live) {
      const events: PublicEvent[] = [];
      for (const record of scan.records) {
        try {
          events.push(read(scan.partition, record));
        } catch (error) {
          if (live) reject(scan, record, error);
        }
      }
      return events;
    },
    encode({ key, data, traceparent }) {
      const headers = traceparent === null ? [] : [{ name: 'traceparent', value: Buffer.from(traceparent) }];
      return { key: key === null ? null : Buffer.from(key), value: codec.encode(data), headers };
    },
  };
}

/** Admit and charge: one gate for each grant, which all of its subscriptions share. Nothing is limited or billed yet. */
export function createGates(): (grant: Grant) => Gate {
  const gates = new WeakMap<Grant, Gate>();
  return (grant) => {
    let gate = gates.get(grant);
    if (gate === undefined) {
      gate = { partner: grant.application, admits: () => true, charge: () => {} };
      gates.set(grant, gate);
    }
    return gate;
  };
}
