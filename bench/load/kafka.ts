/** Real Kafka for benches: a broker, a producer of trades, and a gateway as its users run it. */

import { type KafkaCluster, startKafka } from '../../test/bed/kafka.ts';
import { randomName } from '../../test/bed/ports.ts';
import { type GatewayProcess, type ProductSpec, Site } from '../../test/gateway/node.ts';
import { KafkaUser } from '../../test/gateway/producer.ts';
import { cores, pin } from './child.ts';
import { PARTITIONS, trade, trades } from './trades.ts';

export class Bed implements AsyncDisposable {
  readonly cluster: KafkaCluster;
  readonly #user: KafkaUser;

  private constructor(cluster: KafkaCluster) {
    this.cluster = cluster;
    this.#user = new KafkaUser(cluster.bootstrap);
  }

  static async start(): Promise<Bed> {
    const cluster = await startKafka({ version: '4.1.1' });
    for (const { pid } of cluster.brokers) pin(pid, cores.load);
    return new Bed(cluster);
  }

  /** A new Kafka topic of 12 partitions, and what writes to it. */
  async feed(): Promise<Feed> {
    const topic = randomName(trades.topic);
    await this.#user.createTopic(topic, PARTITIONS);
    return new Feed(topic, (messages) => this.#user.send(topic, messages));
  }

  /** A place for gateways that read the Kafka topic. `extra`: more lines of configuration. */
  site(feed: Feed, extra = ''): Site {
    const product: ProductSpec = { ...trades, topic: feed.topic };
    return new Site({ main: this.cluster.bootstrap }, [product], extra);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#user[Symbol.asyncDispose]();
    await this.cluster.stop();
  }
}

interface Message {
  readonly partition: number;
  readonly value: string;
}

/** Writes trades to the partitions in turn, numbered within each. */
export class Feed {
  readonly topic: string;
  readonly #send: (messages: Message[]) => Promise<unknown>;
  readonly #sequences: number[] = Array.from({ length: PARTITIONS }, () => 0);
  #turn = 0;

  constructor(topic: string, send: (messages: Message[]) => Promise<unknown>) {
    this.topic = topic;
    this.#send = send;
  }

  /** Appends a burst of `k` trades to the next partition; made now. Resolves when it is acknowledged. */
  async append(k: number): Promise<void> {
    const partition = this.#turn++ % PARTITIONS;
    const messages = Array.from({ length: k }, () => {
      const sequence = (this.#sequences[partition] ?? 0) + 1;
      this.#sequences[partition] = sequence;
      return { partition, value: trade(partition, sequence) };
    });
    await this.#send(messages);
  }
}

/** `sluice serve` on its core, and a partner's key. */
export async function serve(site: Site): Promise<{ readonly gateway: GatewayProcess; readonly key: string }> {
  const gateway = await (await site.start({ env: { NODE_ENV: 'production' } })).ready();
  pin(gateway.child.pid, cores.server);
  const { key } = await site.partner([trades.name]);
  return { gateway, key };
}
