/**
 * AsyncAPI documents at `/asyncapi`: an index, each product's documents as JSON and YAML, a page to read, and clients that are generated from
 * them. Each partner gets what its grants show.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Contract } from '../../../core/contract/index.ts';
import { asSluiceError, SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import type { AsyncApiProtocol } from '../../../core/surface/index.ts';
import type { RequestWay } from '../../../ways/ports.ts';
import { preferred } from '../wire/accept.ts';
import { answerText, errorHeaders, HttpRefusal } from '../wire/answers.ts';
import { headerOf, urlOf } from '../wire/bodies.ts';
import { secretOfHeaders, secretOfUrl } from '../wire/credentials.ts';
import { lifeCycleHeaders } from '../wire/life-cycle.ts';
import { isLocal } from '../wire/local.ts';
import { type Clients, clientOf, readLanguage } from './clients.ts';
import { Documents, type Text, tagged } from './documents.ts';
import { type Look, policyOf } from './html.ts';
import { indexEntries, indexPage } from './index-page.ts';
import { documentPage } from './page.ts';
import { type Place, placeOf } from './paths.ts';
import type { Json } from './reading.ts';
import { refusalPage } from './refusal-page.ts';

export interface AsyncApiDoorOptions {
  readonly ways: Pick<RequestWay, 'connect'>;
  readonly clients: Clients;
  readonly observe: Observe;
  /** As partners reach the gateway. */
  url(): string;
  /** What requests from this machine are authenticated with that bring no key: the demo's. */
  localKey(): string | undefined;
  readonly look: Look;
}

/** A route at `/asyncapi` and at the prefix `/asyncapi/`. */
export interface AsyncApiDoor {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

export function createAsyncApiDoor(options: AsyncApiDoorOptions): AsyncApiDoor {
  return new Door(options);
}

const TYPES = {
  json: 'application/json; charset=utf-8',
  yaml: 'application/yaml; charset=utf-8',
  html: 'text/html; charset=utf-8',
  zip: 'application/zip',
  tgz: 'application/gzip',
} as const;

interface Asked {
  readonly place: Place;
  readonly protocol: AsyncApiProtocol;
  /** Of a client. */
  readonly language: string | null;
  /** The key, where it stands in the URL: links of a page go on with it. */
  readonly token: string | null;
}

interface Answer {
  readonly text: Text | Promise<Text>;
  readonly type: keyof typeof TYPES;
  readonly headers: Readonly<Record<string, string>>;
}

class Door implements AsyncApiDoor {
  readonly #options: AsyncApiDoorOptions;
  readonly #documents: Documents;

  constructor(options: AsyncApiDoorOptions) {
    this.#options = options;
    this.#documents = new Documents(options.url);
  }

  /** Rejects with what a program is to be told; people get a page. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let isForPeople = false;
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD')
        throw new HttpRefusal(405, 'Documents are read: GET and HEAD.', { Allow: 'GET, HEAD' });
      const asked = this.#read(request);
      isForPeople = asked.place.form === 'html';
      const { text, ...answer } = this.#within(request, asked);
      this.#answer(request, response, { ...answer, text: await text });
    } catch (thrown) {
      const error = asSluiceError(thrown);
      this.#options.observe.counter('sluice_errors_total', { code: error.code }).add(1);
      if (!isForPeople) throw error;
      this.#refuse(request, response, error);
    }
  }

  #read(request: IncomingMessage): Asked {
    const url = urlOf(request);
    const place = placeOf(url.pathname, preferred(headerOf(request, 'accept'), ['application/json', 'text/html']));
    expectKnown(url, place);
    const language = isArchive(place.form) ? readLanguage(url, this.#options.clients) : null;
    return { place, protocol: readProtocol(url), language, token: secretOfUrl(url) };
  }

  /** The answer as the principal's grants show it, within a session that ends with it. */
  #within(request: IncomingMessage, asked: Asked): Answer {
    const { ways, localKey } = this.#options;
    const secret = secretOfHeaders(request) ?? asked.token ?? (isLocal(request) ? (localKey() ?? null) : null);
    const session = ways.connect(secret, { address: request.socket.remoteAddress ?? '', door: 'asyncapi' });
    try {
      const shown = session.surface.contracts.filter((contract) => this.#documents.has(contract, 'all'));
      return asked.place.product === null
        ? this.#index(shown, asked)
        : this.#product(shown, asked.place.product, asked);
    } finally {
      session.close();
    }
  }

  #index(shown: readonly Contract[], { place, token }: Asked): Answer {
    const { clients } = this.#options;
    const languages = clients.isInstalled() ? clients.languages : [];
    const entries = shown.map((contract) => indexEntries(contract, languages));
    const body =
      place.form === 'html'
        ? indexPage(entries, this.#options.look, token)
        : `${JSON.stringify({ products: entries }, null, 2)}\n`;
    return { text: tagged(body), type: place.form, headers: { Vary: 'Accept, Authorization, X-API-Key' } };
  }

  #product(shown: readonly Contract[], product: string, asked: Asked): Answer {
    const { form } = asked.place;
    const contract = shown.find((candidate) => candidate.product === product);
    const protocol = isArchive(form) ? 'ws' : asked.protocol;
    if (contract === undefined || !this.#documents.has(contract, protocol)) throw new SluiceError('NOT_FOUND');
    const headers = { Vary: 'Authorization, X-API-Key', ...lifeCycleHeaders(contract, shown) };
    if (!isArchive(form)) return { text: this.#document(contract, asked), type: form, headers };
    const { clients } = this.#options;
    const document = this.#documents.document(contract, protocol);
    return {
      text: clientOf(clients, { product, document, language: asked.language ?? '', form }),
      type: form,
      headers: { ...headers, 'Content-Disposition': `attachment; filename="${product}-client.${form}"` },
    };
  }

  #document(contract: Contract, { place: { form }, protocol, token }: Asked): Text {
    const page = (document: Json): string => documentPage(document, this.#options.look, token);
    if (form === 'json' || form === 'yaml') return this.#documents.text(contract, protocol, form);
    if (token === null) return this.#documents.page(contract, page);
    // The key stands in its links: it is nobody else's.
    return tagged(page(this.#documents.document(contract, 'all')));
  }

  #answer(request: IncomingMessage, response: ServerResponse, { text, type, headers }: Answer & { text: Text }): void {
    const common = {
      ETag: text.etag,
      // Asked for again each time: grants change.
      'Cache-Control': 'private, no-cache',
      // With 304 too: its headers are put in place of those that the browser has kept.
      ...(type === 'html' ? { 'Content-Security-Policy': policyOf(this.#options.look) } : {}),
      ...headers,
    };
    if (hasSame(headerOf(request, 'if-none-match'), text.etag)) {
      response.writeHead(304, common).end();
      return;
    }
    answerText(request, response, 200, text.body, {
      'Content-Type': TYPES[type],
      ...common,
    });
  }

  #refuse(request: IncomingMessage, response: ServerResponse, error: SluiceError): void {
    const { look, observe } = this.#options;
    if (error.code === 'INTERNAL') observe.error('the asyncapi door failed to answer', { error: error.cause ?? error });
    // A key that has been refused is not asked for again by the browser, as Basic's would be: the page has a form.
    answerText(request, response, error.status, refusalPage(error, urlOf(request).pathname, look), {
      'Content-Type': TYPES.html,
      'Content-Security-Policy': policyOf(look),
      ...errorHeaders(error),
    });
  }
}

function isArchive(form: Place['form']): form is 'zip' | 'tgz' {
  return form === 'zip' || form === 'tgz';
}

function expectKnown(url: URL, { product, form }: Place): void {
  const isDocument = product !== null && (form === 'json' || form === 'yaml');
  const more = isArchive(form) ? ['language'] : isDocument ? ['protocol'] : [];
  const known = [...more, 'access_token'];
  for (const name of url.searchParams.keys()) {
    if (!known.includes(name))
      throw bad(name.slice(0, 100), `there is no such parameter; there are ${known.join(', ')}.`);
    if (url.searchParams.getAll(name).length > 1) throw bad(name, 'it stands here twice.');
  }
}

function readProtocol(url: URL): AsyncApiProtocol {
  const protocol = url.searchParams.get('protocol');
  if (protocol === null) return 'all';
  if (protocol !== 'ws' && protocol !== 'sse') throw bad('protocol', 'ws or sse; without it the document shows all.');
  return protocol;
}

function bad(path: string, message: string): SluiceError {
  return new SluiceError('BAD_REQUEST', `${path}: ${message}`, { details: { path } });
}

function hasSame(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
