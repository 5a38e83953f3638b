/**
 * The test bed as test files see it. `bed()` gives the run's shared servers, started when first asked for;
 * `startKafka` and `startRedis` give servers of one's own, to be killed and brought back.
 *
 *     const { bootstrap } = await bed().kafka();            // cluster A, 4.1.1
 *     describe.each(kafkaVersions)('on Kafka %s', (version) => { ... await bed().kafka(version) ... });
 *     await using cluster = await startKafka({ brokers: 3 });
 */
import { inject } from 'vitest';
import { remoteBed } from './control.ts';
import type { ServerSet } from './set.ts';

export { chromiumPath } from './chromium.ts';
export { generatorFolder, installLine } from './generator.ts';
export { runJava } from './java.ts';
export { type Broker, type KafkaCluster, type KafkaVersion, kafkaVersions, startKafka } from './kafka.ts';
export { odcsSchemaPath } from './odcs.ts';
export { freePort, randomName } from './ports.ts';
export { pythonWith } from './python.ts';
export { type RedisServer, startRedis } from './redis.ts';
export type { SharedKafka, SharedRedis } from './set.ts';

export const bed = (): Pick<ServerSet, 'kafka' | 'redis'> => remoteBed(inject('bed'));
