/** Documents as texts, made when they are first asked for. */
import { createHash } from 'node:crypto';
import type { Contract } from '../../../core/contract/index.ts';
import { type AsyncApiProtocol, asyncApiProtocols, asyncApiYaml, renderAsyncApi } from '../../../core/surface/index.ts';
import type { Json } from './reading.ts';

export interface Text {
  readonly body: string | Buffer;
  /** Strong; equal texts have equal ones, on every node. */
  readonly etag: string;
}

/** Some hundred kilobytes each at most; beyond so many the oldest are made again when they are asked for. */
const KEPT = 200;

export class Documents {
  readonly #url: () => string;
  readonly #texts = new Map<string, Text>();

  /** `url`: as partners reach the gateway. */
  constructor(url: () => string) {
    this.#url = url;
  }

  has(contract: Contract, protocol: AsyncApiProtocol): boolean {
    return asyncApiProtocols(contract).includes(protocol);
  }

  /** Plain JSON. */
  document(contract: Contract, protocol: AsyncApiProtocol): Json {
    return renderAsyncApi(contract, { protocol, url: this.#url() });
  }

  /** Whoever is shown the same contract gets the same text. */
  text(contract: Contract, protocol: AsyncApiProtocol, form: 'json' | 'yaml'): Text {
    return this.#kept(`${contract.digest} ${protocol} ${form}`, () => {
      const document = this.document(contract, protocol);
      return form === 'json' ? `${JSON.stringify(document, null, 2)}\n` : asyncApiYaml(document);
    });
  }

  /** Likewise, of the document that shows all. */
  page(contract: Contract, make: (document: Json) => string): Text {
    return this.#kept(`${contract.digest} html`, () => make(this.document(contract, 'all')));
  }

  #kept(name: string, make: () => string): Text {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const text = tagged(make());
    this.#texts.set(name, text);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= KEPT) break;
      this.#texts.delete(oldest);
    }
    return text;
  }
}

export function tagged(body: string | Buffer): Text {
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
