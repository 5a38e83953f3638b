/**
 * The usual stack, as most would write it and at its best: graphql-yoga, graphql-ws and yoga's PubSub with a filter.
 *
 *   usual.ts PORT                      events of generated records, on order
 *   usual.ts PORT BROKERS KAFKA_TOPIC  what kafkajs's own consumer reads, from the end on
 */
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga, filter, pipe } from 'graphql-yoga';
import { Kafka, logLevel } from 'kafkajs';
import { WebSocketServer } from 'ws';
import { collect, say, takeOrders } from './orders.ts';
import { saturate, watchSockets } from './saturate.ts';
import { PARTITIONS, trade } from './trades.ts';

interface Trade {
  readonly region: string;
}

const [port, brokers, topic] = process.argv.slice(2);
watchSockets();

let subscriptions = 0;
const pubSub = createPubSub<{ trades: [Trade] }>();
const schema = createSchema({
  typeDefs: /* GraphQL */ `
    type Trade {
      orderId: String! customerId: String! region: String! status: String! symbol: String! side: String!
      quantity: Int! price: Float! currency: String! venue: String! ts: String! note: String!
    }
    type Query { ping: String }
    type Subscription { trades(region: String): Trade! }
  `,
  resolvers: {
    Subscription: {
      trades: {
        subscribe: (_: unknown, { region }: { readonly region?: string }) => {
          subscriptions += 1;
          return pipe(
            pubSub.subscribe('trades'),
            filter((event) => region === undefined || event.region === region),
          );
        },
        resolve: (event: Trade) => event,
      },
    },
  },
});

const yoga = createYoga({ schema, logging: false });
const server = createServer(yoga);
const sockets = new WebSocketServer({ server, path: yoga.graphqlEndpoint });
type Enveloped = ReturnType<typeof yoga.getEnveloped>;
useServer(
  {
    execute: (args) => (args.rootValue as Enveloped).execute(args),
    subscribe: (args) => (args.rootValue as Enveloped).subscribe(args),
    onSubscribe: async (context, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...context,
        req: context.extra.request,
        socket: context.extra.socket,
        params,
      });
      const args = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  sockets,
);

const publish = (text: string): void => pubSub.publish('trades', JSON.parse(text) as Trade);

if (brokers !== undefined && topic !== undefined) await consume(brokers, topic);
await new Promise<void>((resolve) => server.listen(Number(port), '127.0.0.1', 4096, resolve));
say({ listening: true });

const sequences: number[] = Array.from({ length: PARTITIONS }, () => 0);
let turn = 0;
takeOrders({
  run: ({ k = 1, ms = 1000 }) =>
    saturate(
      (n) => {
        const partition = turn++ % PARTITIONS;
        for (let i = 0; i < n; i++) {
          const sequence = (sequences[partition] ?? 0) + 1;
          sequences[partition] = sequence;
          publish(trade(partition, sequence));
        }
      },
      k,
      ms,
    ),
  collect,
  subscriptions: () => ({ subscriptions }),
});

/** Resolves when the group has its partitions and has asked for what is new. */
async function consume(bootstrap: string, name: string): Promise<void> {
  const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `usual-${process.pid}` });
  const fetching = new Promise<void>((resolve) => consumer.on(consumer.events.FETCH, () => resolve()));
  await consumer.connect();
  await consumer.subscribe({ topic: name, fromBeginning: false });
  await consumer.run({ eachMessage: async ({ message }) => publish(String(message.value)) });
  await fetching;
}
