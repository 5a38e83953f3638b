/** The log port over a Kafka cluster, put together; and the parts of it that the journal needs beside. */
import type { Log, TopicConfig } from '../../../core/log/index.ts';
import { LogError } from '../../../core/log/index.ts';
import type { Observe } from '../../../core/observe.ts';
import { Appender } from './appender.ts';
import { type Ceilings, Cluster } from './cluster.ts';
import { Connections } from './connection.ts';
import { asLogError } from './errors.ts';
import { OnceAppender } from './once.ts';
import type { KafkaOptions } from './options.ts';
import { Placing } from './placing.ts';
import { Ranges } from './ranges.ts';
import { type TailEvents, Tails } from './tails.ts';

export interface KafkaLogConfig {
  /** The cluster's name in Sluice's configuration. */
  readonly name: string;
  readonly options: KafkaOptions;
  readonly observe: Observe;
  /** How the brokers' own logs and quotas know this process. */
  readonly clientId: string;
  /** Highest protocol versions to use; default: the newest known here. */
  readonly ceilings?: Ceilings;
  /** Before the names of Kafka topics and transactional ids of Sluice's own; default: `_sluice.`. */
  readonly prefix?: string;
  /** Wall clock, ms, by which keys of appends are known and forgotten; default: Date.now. */
  readonly now?: () => number;
}

/** What the journal needs beside the log: when the requests behind a scan were sent, and producers of its own. */
export interface KafkaLogParts {
  readonly log: Log;
  readonly connections: Connections;
  tail(
    topic: string,
    incarnation: Parameters<Log['tail']>[1],
    from: ReadonlyMap<number, number>,
    events: TailEvents,
  ): ReturnType<Log['tail']>;
}

/** Connects when first used. Throws if a file that the options name cannot be read. */
export function createKafkaLogParts(config: KafkaLogConfig): KafkaLogParts {
  const { name, options, observe, clientId, ceilings, prefix = '_sluice.', now = Date.now } = config;
  const connections = new Connections(options, clientId, observe);
  const cluster = new Cluster(connections, ceilings ?? { fetch: 13, metadata: 12 });
  const tails = new Tails(cluster, observe);
  const ranges = new Ranges(cluster);
  const placing = new Placing(cluster);
  const appender = new Appender(placing, connections);

  async function create(topic: string, wanted: TopicConfig): Promise<void> {
    const admin = connections.client().admin({ retry: { retries: 3 } });
    try {
      const before = (await cluster.ask([topic])).topics[0];
      await admin.connect();
      const configEntries: { name: string; value: string }[] = [{ name: 'cleanup.policy', value: wanted.cleanup }];
      if (wanted.retentionMs !== undefined)
        configEntries.push({ name: 'retention.ms', value: String(wanted.retentionMs) });
      const created = await admin.createTopics({
        topics: [
          {
            topic,
            numPartitions: wanted.partitions,
            replicationFactor: wanted.replicationFactor ?? -1,
            configEntries,
          },
        ],
        // kafkajs's own waiting gives up at the first broker that has not heard of it yet.
        waitForLeaders: false,
      });
      if (!created) throw new LogError('EXISTS', `Kafka topic ${topic} exists`);
      await cluster.appeared(topic, before?.id);
    } catch (error) {
      throw asLogError(error, `creating Kafka topic ${topic}`);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  }

  const describe = (topic: string) => cluster.describe(topic);
  const parts = { connections, cluster, ranges, placing, now };
  const once = new OnceAppender(parts, { describe, create }, `${prefix}once`, observe);

  const log: Log = {
    name,
    describe,
    extents: (topic) => cluster.extents(topic),
    offsetsAt: (topic, timestamp) => cluster.offsetsAt(topic, timestamp),
    tail: (topic, incarnation, from, handler, tailOptions) =>
      tails.open(topic, incarnation, from, handler, tailOptions),
    range: (topic, incarnation, partition, from, to, limits) =>
      ranges.read({ topic, incarnation, partition, from, to, maxBytes: limits?.maxBytes ?? 1024 * 1024 }),
    append: (topic, records) => appender.append(topic, records),
    appendOnce: (topic, records, known) => once.append(topic, records, known),
    create,
    ping: async () => {
      await cluster.ask([]);
    },
    [Symbol.asyncDispose]: async () => {
      tails.close();
      await once.close();
      cluster.close();
      ranges.close();
      await appender.close();
    },
  };
  return { log, connections, tail: (topic, incarnation, from, events) => tails.open(topic, incarnation, from, events) };
}
