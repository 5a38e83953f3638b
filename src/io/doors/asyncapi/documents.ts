/** Documents as texts, made when they are first asked for. */
import { createHash } from 'node:crypto';
import type { Contract } from '../../../core/contract/index.ts';
import { type AsyncApiProtocol, asyncApiProtocols, asyncApiYaml, renderAsyncApi } from '../../../core/surface/index.ts';

export interface Text {
  readonly body: string;
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
  document(contract: Contract, protocol: AsyncApiProtocol): Readonly<Record<string, unknown>> {
    return renderAsyncApi(contract, { protocol, url: this.#url() });
  }

  /** Whoever is shown the same contract gets the same text. */
  text(contract: Contract, protocol: AsyncApiProtocol, form: 'json' | 'yaml'): Text {
    const name = `${contract.digest} ${protocol} ${form}`;
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const document = this.document(contract, protocol);
    const text = tagged(form === 'json' ? `${JSON.stringify(document, null, 2)}\n` : asyncApiYaml(document));
    this.#texts.set(name, text);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= KEPT) break;
      this.#texts.delete(oldest);
    }
    return text;
  }
}

export function tagged(body: string): Text {
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
