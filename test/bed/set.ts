/** The servers that a run shares: each is started when first asked for, once, and all end together. */
import { endServers } from './guard.ts';
import { type KafkaVersion, startKafka } from './kafka.ts';
import { startRedis } from './redis.ts';

/** Addresses of a Kafka cluster of the shared set. Its users keep to Kafka topics with random names and never stop it. */
export interface SharedKafka {
  readonly version: KafkaVersion;
  /** host:port of its one broker. */
  readonly bootstrap: string;
  readonly clusterId: string;
}

export interface SharedRedis {
  readonly url: string;
}

export interface ServerSet extends AsyncDisposable {
  /** Cluster A is 4.1.1, the default; cluster B is 3.9.1. */
  kafka(version?: KafkaVersion): Promise<SharedKafka>;
  redis(): Promise<SharedRedis>;
}

export function serverSet(): ServerSet {
  const clusters = new Map<KafkaVersion, Promise<SharedKafka>>();
  let redis: Promise<SharedRedis> | undefined;
  const begin = async (version: KafkaVersion): Promise<SharedKafka> => {
    const { bootstrap, clusterId } = await startKafka({ version });
    return { version, bootstrap, clusterId };
  };
  return {
    kafka(version = '4.1.1') {
      const cluster = clusters.get(version) ?? begin(version);
      clusters.set(version, cluster);
      return cluster;
    },
    redis() {
      redis ??= startRedis().then(({ url }) => ({ url }));
      return redis;
    },
    [Symbol.asyncDispose]: endServers,
  };
}
