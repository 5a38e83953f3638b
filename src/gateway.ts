/**
 * The only wiring: the core, its adapters and the ways, joined into a running gateway.
 */
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import type { Config } from './config.ts';
import { createAccess, type FollowedAccess, journalTopics } from './core/access/index.ts';
import type { Contract } from './core/contract/index.ts';
import { type Clock, createDelivery, type Delivery } from './core/delivery/index.ts';
import { SluiceError } from './core/errors.ts';
import type { Journal, Log } from './core/log/index.ts';
import type { Observe } from './core/observe.ts';
import { createLocalSource } from './core/routing/index.ts';
import { createCompiler } from './core/view/index.ts';
import { jsonCodec } from './io/codec/json.ts';
import { createHttpServer, type HttpServer } from './io/doors/http/index.ts';
import { renderPage } from './io/doors/page/index.ts';
import { watchContracts } from './io/files/index.ts';
import { createEmbeddedJournal, createEmbeddedLog } from './io/log/embedded/index.ts';
import { createKafkaJournal, createKafkaLog } from './io/log/kafka/index.ts';
import { createHistoryWay } from './ways/history.ts';
import { createPublishWay } from './ways/publish.ts';
import { createContractsInForce } from './ways/reload.ts';
import { createRequestWay } from './ways/request.ts';
import { createSetAside } from './ways/set-aside.ts';
import { startState } from './ways/state.ts';

export const clock: Clock = {
  now: () => performance.now(),
  soon: (task) => void setImmediate(task),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

export function openLog(config: Config, name: string, observe: Observe): Log {
  const options = config.clusters[name];
  if (options === undefined) throw new Error(`no cluster ${name}`);
  return options.type === 'kafka'
    ? createKafkaLog({ name, options, observe, clientId: `sluice-${config.site}` })
    : createEmbeddedLog({ name, ...options, observe });
}

/** The state of record: on the cluster that the configuration names. */
export function openJournal(config: Config, observe: Observe): Journal {
  const options = config.clusters[config.state.cluster];
  if (options === undefined) throw new Error(`no cluster ${config.state.cluster}`);
  const common = { prefix: config.state.prefix, topics: journalTopics, clock: clock.now, observe };
  return options.type === 'kafka'
    ? createKafkaJournal({ name: config.state.cluster, options, clientId: `sluice-${config.site}`, ...common })
    : createEmbeddedJournal({ name: config.state.cluster, ...options, ...common });
}
