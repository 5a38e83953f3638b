/**
 * The one file that knows kafkajs's insides: connections to brokers (TLS, SASL, correlation of requests) for the own
 * requests of the read path, and its public client for producers and admin.
 *
 * kafkajs 2.2.4 is the library's last release and pinned, so its insides stand still. Three things in it are mended here:
 * - RequestQueue starts a timer with a negative delay after every answer, even with nothing queued: each connection then
 *   spins at 1 ms for ever, and Node prints TimeoutNegativeWarning.
 * - Record cannot write a null header value, nor one name twice with another between.
 * - Closing a connection waits for the answers that it still owes, a long poll or a dead broker's too.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Kafka, KafkaConfig, Message, RecordMetadata } from 'kafkajs';
import { type Header, LogError } from '../../../core/log/index.ts';
import type { Observe } from '../../../core/observe.ts';
import { asLogError } from './errors.ts';
import type { KafkaOptions, SaslOptions } from './options.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Which versions a broker speaks of an API, by API key. */
export type Versions = Readonly<
  Record<number, { readonly minVersion: number; readonly maxVersion: number } | undefined>
>;

export interface Api {
  readonly key: number;
  readonly name: string;
}

/** One authenticated socket to one broker. After any rejection it is closed and of no more use. */
export interface Wire {
  readonly versions: Versions;
  readonly closed: boolean;
  /** `body` without the request header; the answer without the response header's correlation id. Pipelined, answered in order. */
  send(api: Api, version: number, body: Buffer): Promise<Buffer>;
  close(): void;
}

interface Queue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

interface Encoder {
  writeBufferInternal(bytes: Buffer): void;
}

interface Connection {
  readonly socket?: { destroy(): void; on(event: 'close', listener: () => void): void };
  isConnected(): boolean;
  rejectRequests(error: Error): void;
  disconnect(): Promise<unknown>;
  send(protocol: {
    readonly request: {
      readonly apiKey: number;
      readonly apiName: string;
      readonly apiVersion: number;
      readonly encode: () => Promise<Encoder>;
    };
    readonly response: {
      readonly decode: (raw: Buffer) => Promise<Buffer>;
      readonly parse: (raw: Buffer) => Promise<Buffer>;
    };
    readonly logResponseError: boolean;
  }): Promise<Buffer>;
}

interface Pool {
  readonly pool: readonly Connection[];
}

interface Broker {
  readonly versions: Versions;
  connect(): Promise<void>;
}

/** A transactional producer taken apart: each step by itself. */
export interface TransactionMachinery {
  readonly eos: {
    /** Takes a new epoch; also before each further transaction. */
    initProducerId(): Promise<void>;
    getProducerId(): unknown;
    getProducerEpoch(): number;
    beginTransaction(): void;
    addPartitionsToTransaction(
      topics: readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number }[] }[],
    ): Promise<void>;
    commit(): Promise<void>;
  };
  /** Registers with the transaction what is not, and sends. Messages name their partition. One to a partition that its metadata lacks is left out without a word. */
  send(batch: {
    readonly acks: -1;
    readonly topicMessages: readonly { readonly topic: string; readonly messages: Message[] }[];
  }): Promise<RecordMetadata[]>;
  disconnect(): Promise<void>;
}

interface KafkajsCluster {
  retry: object;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

const load = createRequire(import.meta.url);
mendRecord();
const kafkajs = load('kafkajs') as typeof import('kafkajs');
const ConnectionPool = load('kafkajs/src/network/connectionPool') as new (options: object) => Pool;
const BrokerClass = load('kafkajs/src/broker') as new (options: object) => Broker;
const EncoderClass = load('kafkajs/src/protocol/encoder') as new () => Encoder;
const { createLogger } = load('kafkajs/src/loggers') as { createLogger(options: object): object };
const ClusterClass = load('kafkajs/src/cluster') as new (options: object) => KafkajsCluster;
const createRetry = load('kafkajs/src/retry') as (options: object) => unknown;
const createEosManager = load('kafkajs/src/producer/eosManager') as (options: object) => TransactionMachinery['eos'];
const createSendMessages = load('kafkajs/src/producer/sendMessages') as (
  options: object,
) => TransactionMachinery['send'];
const socketFactory = (load('kafkajs/src/network/socketFactory') as () => unknown)();
mendQueue();

const connectionTimeout = 3_000;
const authenticationTimeout = 5_000;
/** Said outright: kafkajs has other defaults where NODE_ENV is "test". About 7 s of trying. */
const retry = { initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 2_000, retries: 7 };

/** Every connection and client of one cluster, made alike. */
export class Connections {
  readonly #config: KafkaConfig;
  readonly #logger: object;
  readonly bootstrap: readonly Address[];

  /** Reads the files that the options name: throws if they cannot be read. */
  constructor(options: KafkaOptions, clientId: string, observe: Observe) {
    const logCreator = () => (entry: { readonly namespace: string; readonly log: { readonly message: string } }) => {
      // What matters of it is told by whoever asked; kafkajs's own account is for those who look for more.
      observe.debug(`kafkajs ${entry.namespace}: ${entry.log.message}`);
    };
    this.bootstrap = options.brokers.map(addressOf);
    const ssl = tlsOf(options.tls);
    const sasl = options.sasl === undefined ? undefined : saslOf(options.sasl);
    this.#config = {
      clientId,
      brokers: [...options.brokers],
      connectionTimeout,
      authenticationTimeout,
      reauthenticationThreshold: 10_000,
      requestTimeout: 10_000,
      retry,
      logCreator,
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
    };
    this.#logger = createLogger({ level: kafkajs.logLevel.INFO, logCreator });
  }

  /** kafkajs's public client, for producers and admin. */
  client(): Kafka {
    return new kafkajs.Kafka(this.#config);
  }

  /** Connects, and hands out what a transaction is made of. `retries`: how often kafkajs sends again by itself what failed. */
  async transactions(transactionalId: string, transactionTimeout: number, retries = retry.retries) {
    const logger = this.#logger as { namespace(name: string): object };
    const cluster = new ClusterClass({
      ...this.#config,
      logger,
      socketFactory,
      metadataMaxAge: 60_000,
      allowAutoTopicCreation: false,
      enforceRequestTimeout: true,
      maxInFlightRequests: 1,
    });
    // Read by the manager below: how it waits for another writer's transaction to end.
    cluster.retry = { initialRetryTime: 10, multiplier: 1.5, factor: 0.2, maxRetryTime: 500, retries: 20 };
    await cluster.connect();
    const named = logger.namespace('Transactions');
    const eos = createEosManager({ logger: named, cluster, transactionTimeout, transactional: true, transactionalId });
    const retrier = createRetry({ ...retry, retries });
    const partitioner = ({ message }: { readonly message: Message }) => message.partition;
    const send = createSendMessages({ logger: named, cluster, partitioner, eosManager: eos, retrier });
    return { eos, send, disconnect: () => cluster.disconnect() } satisfies TransactionMachinery;
  }

  /** Connects and authenticates. Rejects with LogError. A request unanswered for `timeoutMs` closes the wire. */
  async open(address: Address, timeoutMs: number): Promise<Wire> {
    const pool = new ConnectionPool({
      ...this.#config,
      ...address,
      socketFactory,
      logger: this.#logger,
      requestTimeout: timeoutMs,
      enforceRequestTimeout: true,
      maxInFlightRequests: null,
    });
    const connection = pool.pool[0] as Connection;
    const broker = new BrokerClass({ connectionPool: pool, logger: this.#logger, authenticationTimeout });
    try {
      await broker.connect();
    } catch (error) {
      shut(connection, 'never opened');
      throw asLogError(error, `broker ${address.host}:${address.port}`);
    }
    return new KafkajsWire(connection, broker.versions, address);
  }
}

class KafkajsWire implements Wire {
  readonly versions: Versions;
  closed = false;
  readonly #connection: Connection;
  readonly #address: Address;

  constructor(connection: Connection, versions: Versions, address: Address) {
    this.#connection = connection;
    this.versions = versions;
    this.#address = address;
    connection.socket?.on('close', () => {
      this.closed = true;
    });
  }

  async send(api: Api, version: number, body: Buffer): Promise<Buffer> {
    if (this.closed) throw new LogError('UNAVAILABLE', `${this.#where} is closed`);
    try {
      return await this.#connection.send({
        request: {
          apiKey: api.key,
          apiName: api.name,
          apiVersion: version,
          encode: async () => {
            const encoder = new EncoderClass();
            encoder.writeBufferInternal(body);
            return encoder;
          },
        },
        response: { decode: asItIs, parse: asItIs },
        logResponseError: false,
      });
    } catch (error) {
      this.close();
      throw asLogError(error, `${api.name} to ${this.#where}`);
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    shut(this.#connection, `${this.#where} was closed`);
  }

  get #where(): string {
    return `broker ${this.#address.host}:${this.#address.port}`;
  }
}

async function asItIs(raw: Buffer): Promise<Buffer> {
  return raw;
}

function shut(connection: Connection, why: string): void {
  connection.rejectRequests(new Error(why));
  void connection.disconnect().finally(() => connection.socket?.destroy());
}

function addressOf(broker: string): Address {
  const colon = broker.lastIndexOf(':');
  return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
}

function tlsOf(tls: KafkaOptions['tls']): KafkaConfig['ssl'] {
  if (tls === undefined || typeof tls === 'boolean') return tls;
  return {
    ...(tls.caFile === undefined ? {} : { ca: [readFileSync(tls.caFile, 'utf8')] }),
    ...(tls.certFile === undefined ? {} : { cert: readFileSync(tls.certFile, 'utf8') }),
    ...(tls.keyFile === undefined ? {} : { key: readFileSync(tls.keyFile, 'utf8') }),
  };
}

function saslOf(sasl: SaslOptions): NonNullable<KafkaConfig['sasl']> {
  if (sasl.mechanism !== 'oauthbearer') return sasl;
  if ('token' in sasl) return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: sasl.token }) };
  return { mechanism: 'oauthbearer', oauthBearerProvider: clientCredentials(sasl) };
}

/** Tokens of the client credentials grant, each used until a minute (or a fifth of its life) before it expires; asked for once by all connections. */
function clientCredentials(sasl: Extract<SaslOptions, { readonly tokenUrl: string }>) {
  let kept: { readonly value: string; readonly until: number } | undefined;
  let asking: Promise<{ readonly value: string; readonly until: number }> | undefined;
  return async (): Promise<{ value: string }> => {
    if (kept === undefined || performance.now() >= kept.until) {
      asking ??= askForToken(sasl).finally(() => {
        asking = undefined;
      });
      kept = await asking;
    }
    return { value: kept.value };
  };
}

async function askForToken(sasl: Extract<SaslOptions, { readonly tokenUrl: string }>) {
  const asked = performance.now();
  const credentials = `${encodeURIComponent(sasl.clientId)}:${encodeURIComponent(sasl.clientSecret)}`;
  const answer = await fetch(sasl.tokenUrl, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(sasl.scope === undefined ? {} : { scope: sasl.scope }),
    }),
    signal: AbortSignal.timeout(authenticationTimeout),
  });
  const token = (await answer.json()) as { readonly access_token?: unknown; readonly expires_in?: unknown };
  if (!answer.ok || typeof token.access_token !== 'string') {
    throw new Error(`${sasl.tokenUrl} answered ${answer.status} without a token`);
  }
  const life = typeof token.expires_in === 'number' ? token.expires_in * 1000 : 0;
  return { value: token.access_token, until: asked + life - Math.min(60_000, life / 5) };
}

/** A timer only where something waits to be sent, and never with a negative delay. */
function mendQueue(): void {
  const RequestQueue = load('kafkajs/src/network/requestQueue') as { readonly prototype: Record<string, unknown> };
  RequestQueue.prototype['scheduleCheckPendingRequests'] = function (this: Queue) {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      Math.max(this.throttledUntil - Date.now(), 10),
    );
  };
}

/** The record as kafkajs's producer hands it to the encoder; `headers` that are a list are ours, in order. */
interface OutgoingRecord {
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly Header[] | object;
}

/** Must run before kafkajs is loaded: its request encoders keep the function that the module had then. */
function mendRecord(): void {
  const path = load.resolve('kafkajs/src/protocol/recordBatch/record/v0');
  const original = load(path) as (record: OutgoingRecord) => Encoder;
  (load.cache[path] as NodeJS.Module).exports = (record: OutgoingRecord): Encoder => {
    const headers: readonly Header[] | object | undefined = record.headers;
    if (!isList(headers)) return original(record);
    const parts: Buffer[] = [Buffer.of(0), varint(record.timestampDelta), varint(record.offsetDelta)];
    field(parts, record.key);
    field(parts, record.value);
    parts.push(varint(headers.length));
    for (const header of headers) {
      field(parts, Buffer.from(header.name));
      field(parts, header.value);
    }
    const body = Buffer.concat(parts);
    const encoder = new EncoderClass();
    encoder.writeBufferInternal(varint(body.length));
    encoder.writeBufferInternal(body);
    return encoder;
  };
}

function isList(headers: readonly Header[] | object | undefined): headers is readonly Header[] {
  return Array.isArray(headers);
}

function field(parts: Buffer[], bytes: Buffer | null): void {
  if (bytes === null) parts.push(varint(-1));
  else parts.push(varint(bytes.length), bytes);
}

/** Zigzag, up to 53 bits. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  while (rest >= 0x80) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

export const { Partitioners } = kafkajs;
