/** What a broker of the bed is configured with, and the formatting of its data folder without a JVM of its own. */
import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, contentHash } from './cache.ts';
import { run } from './command.ts';
import { javaProgram, type KafkaVersion, kafkaClassPath } from './kafka-home.ts';
import { type SecurityFiles, scramUsers, securityProperties } from './kafka-security.ts';

export interface Node {
  readonly id: number;
  readonly folder: string;
  readonly ports: Readonly<Record<'plain' | 'controller' | 'sasl' | 'tls' | 'saslTls', number>>;
}

/**
 * The file of a formatted data folder that costs a second of JVM to make and is the same for every cluster: feature
 * levels and SCRAM users. The other one, meta.properties, is text.
 */
export async function bootstrapCheckpoint(version: KafkaVersion, security: boolean): Promise<string> {
  const users = security ? scramUsers() : [];
  const folder = await cached(`kafka-format-${version}-${contentHash(...users)}`, async (made) => {
    const properties = join(made, 'server.properties');
    const node: Node = {
      id: 1,
      folder: made,
      ports: { plain: 9092, controller: 9093, sasl: 9094, tls: 9095, saslTls: 9096 },
    };
    await writeFile(properties, toText(serverProperties(node, [node], undefined)));
    const format = ['kafka.tools.StorageTool', 'format', '-t', 'AAAAAAAAAAAAAAAAAAAAAA', '-c', properties];
    const add = users.flatMap((user) => ['--add-scram', user]);
    await run(await javaProgram(), ['-cp', await kafkaClassPath(version), ...format, ...add]);
    await rename(join(made, 'data', 'bootstrap.checkpoint'), join(made, 'bootstrap.checkpoint'));
  });
  return join(folder, 'bootstrap.checkpoint');
}

/** Writes what the broker of this node reads at its start. */
export async function writeNode(
  node: Node,
  nodes: readonly Node[],
  clusterId: string,
  security: SecurityFiles | undefined,
): Promise<void> {
  await mkdir(join(node.folder, 'data'), { recursive: true });
  const meta = { version: 1, 'cluster.id': clusterId, 'node.id': node.id, 'directory.id': uuid() };
  await Promise.all([
    writeFile(join(node.folder, 'data', 'meta.properties'), toText(meta)),
    writeFile(join(node.folder, 'server.properties'), toText(serverProperties(node, nodes, security))),
    writeFile(join(node.folder, 'log4j.properties'), log4j),
    writeFile(join(node.folder, 'log4j2.properties'), log4j2),
  ]);
}

const uuid = (): string => `B${randomBytes(16).toString('base64url').slice(1)}`;

type Properties = Readonly<Record<string, string | number | boolean>>;

const toText = (properties: Properties): string =>
  `${Object.entries(properties)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;

function serverProperties(node: Node, nodes: readonly Node[], security: SecurityFiles | undefined): Properties {
  const { plain, controller } = node.ports;
  const copies = nodes.length;
  return {
    'process.roles': 'broker,controller',
    'node.id': node.id,
    'controller.quorum.voters': nodes.map((each) => `${each.id}@127.0.0.1:${each.ports.controller}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${plain}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(node.folder, 'data'),
    'auto.create.topics.enable': false,
    'delete.topic.enable': true,
    'default.replication.factor': copies,
    'min.insync.replicas': 1,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // Records of 1 MB of value and then some.
    'message.max.bytes': 4_194_304,
    'replica.fetch.max.bytes': 4_194_304,
    // Retention, compaction and aborted transactions within a test's patience; the cleaner's buffer within the heap.
    'log.initial.task.delay.ms': 500,
    'log.retention.check.interval.ms': 500,
    'log.cleaner.backoff.ms': 200,
    'log.cleaner.dedupe.buffer.size': 8_388_608,
    'log.segment.delete.delay.ms': 500,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1000,
    'num.network.threads': 2,
    'num.io.threads': 4,
    // A broker that died is noticed soon by the others, and let in again soon when it comes back.
    'broker.heartbeat.interval.ms': 400,
    'broker.session.timeout.ms': 2000,
    ...(security ? securityProperties(node.ports, security) : {}),
  };
}

const log4j = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
`;

const log4j2 = `status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
`;
