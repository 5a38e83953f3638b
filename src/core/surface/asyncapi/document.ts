/**
 * AsyncAPI 3.0.0 documents of a data product's stream, from the consumer's view: `receive` is what a partner receives. Any contract, as read
 * or as narrowed for one principal; the same contract, the same document. 3.0.0, since generators do not read later ones yet.
 */
import type { Contract } from '../../contract/index.ts';
import { rootFields } from '../sdl.ts';
import { controls } from './control.ts';
import { CLOUD_EVENT, eventMessage, publishedMessage, publishMessage } from './envelope.ts';
import { documentId, info } from './info.ts';
import { historyQuery, publishQuery, streamQuery } from './parameters.ts';
import { type Json, Schemas } from './schema.ts';
import { type ServerName, securitySchemes, server } from './servers.ts';
import { topicOf } from './topic.ts';

/** `ws` and `sse` are for generators, which take everything in a document for one protocol's; `all` is for people. */
export type AsyncApiProtocol = 'ws' | 'sse' | 'all';

export interface AsyncApiOptions {
  readonly protocol: AsyncApiProtocol;
  /** As partners reach the gateway: `https://events.example.com`. */
  readonly url: string;
}

/** The documents that there are of a contract: none where nothing of it is served. */
export function asyncApiProtocols(contract: Contract): readonly AsyncApiProtocol[] {
  const { stream, history, publish } = rootFields(contract);
  if (stream !== null) return ['all', 'ws', 'sse'];
  return history === null && publish === null ? [] : ['all', 'sse'];
}

/** Plain JSON. `protocol` is one of those that there are. */
export function renderAsyncApi(contract: Contract, { protocol, url }: AsyncApiOptions): Json {
  const parts = new Parts(contract);
  const { stream, history, publish } = rootFields(contract);
  const isHttp = protocol !== 'ws';
  if (stream !== null) parts.addStream(protocol);
  if (isHttp && history !== null) parts.addHistory();
  if (isHttp && publish !== null) parts.addPublish();
  const names: readonly ServerName[] = [
    ...(stream !== null && protocol !== 'sse' ? (['ws'] as const) : []),
    ...(stream !== null && isHttp ? (['sse'] as const) : []),
    ...(isHttp && (history ?? publish) !== null ? (['https'] as const) : []),
  ];
  const document = {
    asyncapi: '3.0.0',
    id: documentId(contract),
    info: info(contract),
    defaultContentType: CLOUD_EVENT,
    servers: Object.fromEntries(names.map((name) => [name, server(name, contract.product, url)])),
    channels: parts.channels(),
    operations: parts.operations,
    components: {
      securitySchemes,
      ...(Object.keys(parts.operationBindings).length === 0 ? {} : { operationBindings: parts.operationBindings }),
      messages: parts.messages,
      schemas: parts.schemas.all(),
    },
  };
  // Text of contracts may hold halves of characters, which no other form of the document can.
  return JSON.parse(JSON.stringify(document), (_name, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed() : value,
  ) as Json;
}

interface Channel {
  readonly head: Json;
  readonly messages: string[];
  readonly tail: Json;
}

/** A document as it grows. */
class Parts {
  readonly schemas = new Schemas();
  readonly messages: Record<string, Json> = {};
  readonly operations: Record<string, Json> = {};
  readonly operationBindings: Record<string, Json> = {};
  readonly #contract: Contract;
  readonly #channels = new Map<string, Channel>();

  constructor(contract: Contract) {
    this.#contract = contract;
  }

  addStream(protocol: AsyncApiProtocol): void {
    const contract = this.#contract;
    const { fieldName, title, typeName, product } = contract;
    const query = streamQuery(contract);
    const servers = protocol === 'all' ? [ref('servers', 'ws'), ref('servers', 'sse')] : [ref('servers', protocol)];
    this.#channels.set(fieldName, {
      head: {
        address: '/',
        title: contract.templateText === '' ? title : contract.templateText,
        summary: `${title}, live.`,
        servers,
        ...topicOf(contract),
      },
      messages: [],
      tail: protocol === 'sse' ? {} : { bindings: { ws: { method: 'GET', query, bindingVersion: '0.1.0' } } },
    });
    // Once for all operations of the stream: they are one request.
    if (protocol !== 'ws')
      this.operationBindings['stream'] = { http: { method: 'GET', query, bindingVersion: '0.3.0' } };
    const http = protocol === 'ws' ? {} : { bindings: ref('components/operationBindings', 'stream') };
    const event = this.#addMessage(fieldName, eventMessage(this.schemas, contract));
    this.#addOperation(`on${typeName}Event`, 'receive', fieldName, [event], {
      title: `${title}: events`,
      summary: contract.description.purpose ?? `An event of ${title}.`,
      ...http,
    });
    for (const { name, message } of controls(this.schemas, product)) {
      const control = this.#addMessage(fieldName, message);
      this.#addOperation(`on${name}`, 'receive', fieldName, [control], {
        summary: message['summary'] as string,
        ...http,
      });
    }
  }

  addHistory(): void {
    const contract = this.#contract;
    const { title, typeName } = contract;
    const channel = this.#eventsChannel();
    const event = this.#addMessage(channel, eventMessage(this.schemas, contract));
    this.#addOperation(`read${typeName}Events`, 'receive', channel, [event], {
      title: `${title}: the past`,
      summary: 'What was recorded, oldest first, a page at a time.',
      description:
        'GET with exactly one of after, since and last. One event a line (application/x-ndjson), or a CloudEvents batch by Accept: application/cloudevents-batch+json. The header Sluice-Cursor is where the next page begins, or a live stream; Sluice-More says whether there is more, and Link (rel="next") where.',
      bindings: { http: { method: 'GET', query: historyQuery(contract), bindingVersion: '0.3.0' } },
    });
  }

  addPublish(): void {
    const contract = this.#contract;
    const { title, typeName } = contract;
    const channel = this.#eventsChannel();
    const input = this.#addMessage(channel, publishMessage(this.schemas, contract));
    const receipts = this.#addMessage(channel, publishedMessage(this.schemas));
    this.#addOperation(`publish${typeName}`, 'send', channel, [input], {
      title: `${title}: publish`,
      summary: 'Records an event; answers once it is recorded.',
      description:
        'POST as application/cloudevents+json, as application/cloudevents-batch+json (a list of at most 500, recorded all or none), or in binary mode: the attributes as ce- headers, the data as application/json. What breaks the schema is refused with each violation and its JSON pointer. Where no answer comes, send it again under the same Idempotency-Key.',
      bindings: { http: { method: 'POST', query: publishQuery(), bindingVersion: '0.3.0' } },
      reply: { channel: ref('channels', channel), messages: [messageRef(channel, receipts)] },
    });
  }

  channels(): Json {
    return Object.fromEntries(
      [...this.#channels].map(([name, { head, messages, tail }]) => [
        name,
        {
          ...head,
          messages: Object.fromEntries(
            messages.map((message) => [lower(message), ref('components/messages', message)]),
          ),
          ...tail,
        },
      ]),
    );
  }

  #eventsChannel(): string {
    const { fieldName, title } = this.#contract;
    const name = `${fieldName}Events`;
    if (!this.#channels.has(name)) {
      const head = { address: '/events', title: `${title}: events at rest`, servers: [ref('servers', 'https')] };
      this.#channels.set(name, { head, messages: [], tail: {} });
    }
    return name;
  }

  #addMessage(channel: string, message: Json): string {
    const name = message['name'] as string;
    this.messages[name] = message;
    this.#channels.get(channel)?.messages.push(name);
    return name;
  }

  #addOperation(
    name: string,
    action: 'receive' | 'send',
    channel: string,
    messages: readonly string[],
    more: Json,
  ): void {
    this.operations[name] = {
      action,
      channel: ref('channels', channel),
      ...more,
      messages: messages.map((message) => messageRef(channel, message)),
    };
  }
}

function ref(where: string, name: string): Json {
  return { $ref: `#/${where}/${name}` };
}

function messageRef(channel: string, message: string): Json {
  return ref(`channels/${channel}/messages`, lower(message));
}

function lower(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
