/**
 * Real Kafka clusters in KRaft mode: one broker that is its own controller, or three. Ports and data folder stay over a
 * broker's death and return; everything ends with the process that asked (guard.ts).
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Server, serverFolder, startServer } from './guard.ts';
import { bootstrapCheckpoint, type Node, writeNode } from './kafka-config.ts';
import { javaProgram, type KafkaVersion, kafkaClassPath } from './kafka-home.ts';
import { probe } from './kafka-probe.ts';
import { type Secured, securityFiles } from './kafka-security.ts';
import { freePorts } from './ports.ts';

export { type KafkaVersion, kafkaVersions } from './kafka-home.ts';

export interface KafkaOptions {
  readonly version?: KafkaVersion;
  readonly brokers?: 1 | 3;
  /** Adds listeners with SASL, TLS and both, and an authorizer: see Secured. */
  readonly security?: boolean;
}

/** One broker. Its port and data folder stay the same whatever happens to it. */
export interface Broker {
  readonly nodeId: number;
  /** host:port of the plain listener. */
  readonly address: string;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<void>;
  /** A clean shutdown; resolves when the process is gone. */
  stop(): Promise<void>;
  /** After kill or stop: resolves when the broker serves requests again. */
  start(): Promise<void>;
  /** Freezes the process: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
}

export interface KafkaCluster extends AsyncDisposable {
  readonly version: KafkaVersion;
  /** host:port,host:port of the plain listeners. */
  readonly bootstrap: string;
  readonly clusterId: string;
  readonly brokers: readonly Broker[];
  /** Where its data and logs are while it lasts. */
  readonly folder: string;
  /** Where `security` was asked for. */
  readonly secured: Secured | undefined;
  /** Ends all brokers at once; what they held is lost. */
  stop(): Promise<void>;
}

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster> {
  const { version = '4.1.1', brokers: count = 1, security = false } = options;
  const [java, classPath, folder] = await Promise.all([javaProgram(), kafkaClassPath(version), serverFolder('kafka')]);
  const checkpoint = await bootstrapCheckpoint(version, security);
  const files = security ? await securityFiles() : undefined;
  const clusterId = `A${randomBytes(16).toString('base64url').slice(1)}`;
  const ports = await freePorts(count * 5);
  const nodes = Array.from({ length: count }, (_, i): Node => {
    const [plain = 0, controller = 0, sasl = 0, tls = 0, saslTls = 0] = ports.slice(i * 5);
    return { id: i + 1, folder: join(folder, String(i + 1)), ports: { plain, controller, sasl, tls, saslTls } };
  });
  const brokers = await Promise.all(
    nodes.map(async (node) => {
      await mkdir(join(node.folder, 'data'), { recursive: true });
      await copyFile(checkpoint, join(node.folder, 'data', 'bootstrap.checkpoint'));
      await writeNode(node, nodes, clusterId, files);
      return broker(node, { java, classPath, version });
    }),
  );
  const stop = async (): Promise<void> => void (await Promise.all(brokers.map((each) => each.kill())));
  try {
    await Promise.all(brokers.map((each) => each.launch()));
    await Promise.all(brokers.map((each) => each.serving(count)));
  } catch (error) {
    await stop();
    throw error;
  }
  const listeners = (kind: keyof Node['ports']): string => nodes.map((n) => `127.0.0.1:${n.ports[kind]}`).join(',');
  return {
    version,
    bootstrap: listeners('plain'),
    clusterId,
    brokers,
    folder,
    secured: files && {
      ...files.public,
      sasl: listeners('sasl'),
      tls: listeners('tls'),
      saslTls: listeners('saslTls'),
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Program {
  readonly java: string;
  readonly classPath: string;
  readonly version: KafkaVersion;
}

interface Launching extends Broker {
  launch(): Promise<void>;
  /** Resolves when this broker sees at least so many brokers, itself among them. */
  serving(brokers: number): Promise<void>;
}

/** A broker starts in two seconds; so long a wait covers a machine that is busy with something else. */
const startTimeoutMs = 90_000;

function broker(node: Node, program: Program): Launching {
  const log = join(node.folder, 'broker.log');
  let server: Server | undefined;
  let down: string | undefined;

  const launch = async (): Promise<void> => {
    if (server !== undefined) throw new Error(`broker ${node.id} is running already`);
    const started = await startServer({
      program: program.java,
      args: [...jvmOptions(node), '-cp', program.classPath, 'kafka.Kafka', join(node.folder, 'server.properties')],
      cwd: node.folder,
      log,
    });
    server = started;
    down = undefined;
    void started.ended.then((how) => {
      if (server !== started) return;
      server = undefined;
      down = how;
    });
  };

  const serving = async (wanted: number): Promise<void> => {
    const deadline = Date.now() + startTimeoutMs;
    while (((await probe(node.ports.plain))?.brokers ?? 0) < wanted) {
      if (down === undefined && Date.now() < deadline) await pause(25);
      else throw new Error(`Kafka ${program.version} did not start (${down ?? 'no answer'}): ${tail(log)}`);
    }
  };

  const endWith = async (signal: NodeJS.Signals): Promise<void> => {
    await server?.end(signal);
  };

  return {
    nodeId: node.id,
    address: `127.0.0.1:${node.ports.plain}`,
    get pid() {
      return server?.pid;
    },
    launch,
    serving,
    kill: () => endWith('SIGKILL'),
    stop: () => endWith('SIGTERM'),
    start: async () => {
      await launch();
      await serving(1);
    },
    pause: () => server?.signal('SIGSTOP'),
    resume: () => server?.signal('SIGCONT'),
  };
}

/** The first compiler alone and a small heap: these brokers live for seconds. */
const jvmOptions = (node: Node): string[] => [
  '-Xms128m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  `-Dlog4j.configuration=file:${join(node.folder, 'log4j.properties')}`,
  `-Dlog4j2.configurationFile=${join(node.folder, 'log4j2.properties')}`,
];

function tail(log: string): string {
  return readFileSync(log, 'utf8').slice(-3000);
}
