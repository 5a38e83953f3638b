/** Clients as archives, for whoever may ask for them at any time: made one after the other, kept, and not for everybody at once. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SluiceError } from '../../core/errors.ts';
import { type ClientLanguage, clientLanguages, isGeneratorInstalled, unreadableField, writeClient } from './client.ts';
import { type ArchiveForm, type Packed, pack } from './pack.ts';

export interface ClientArchives extends AsyncDisposable {
  readonly languages: readonly ClientLanguage[];
  /** Whether the generator is there, and clients can be had. */
  isInstalled(): boolean;
  /**
   * The same bytes for the same document. Errors: UNAVAILABLE with retryAfterMs where too many wait, BAD_REQUEST where the document has a field that no
   * client can have, DRAINING; any other where the generator failed.
   */
  archive(asked: AskedClient): Promise<Buffer>;
}

export interface AskedClient {
  readonly product: string;
  readonly document: object;
  readonly language: ClientLanguage;
  readonly form: ArchiveForm;
}

const TIMEOUT_MS = 60_000;
/** That wait while one is made. */
const MOST_WAITING = 4;
const MOST_KEPT = 100;
const MOST_KEPT_BYTES = 32 * 1024 * 1024;
/** About what one takes. */
const RETRY_AFTER_MS = 5_000;

/** `generatorDir`: the folder into which the generator was installed. */
export function createClientArchives(generatorDir: string): ClientArchives {
  return new Archives(generatorDir);
}

class Archives implements ClientArchives {
  readonly languages = clientLanguages;
  readonly #generatorDir: string;
  readonly #closed = new AbortController();
  /** Those that are made or wait for it, by their key. */
  readonly #coming = new Map<string, Promise<Packed>>();
  /** The one that was asked for last stands last. */
  readonly #kept = new Map<string, Packed>();
  #keptBytes = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(generatorDir: string) {
    this.#generatorDir = generatorDir;
  }

  isInstalled(): boolean {
    return isGeneratorInstalled(this.#generatorDir);
  }

  async archive(asked: AskedClient): Promise<Buffer> {
    const unreadable = unreadableField(asked.document);
    if (unreadable !== null)
      throw new SluiceError('BAD_REQUEST', `${unreadable}: generators of clients cannot read a field of this name.`);
    const digest = createHash('sha256').update(JSON.stringify(asked.document)).digest('base64url');
    const packed = await this.#packed(`${digest} ${asked.language}`, asked);
    return packed[asked.form];
  }

  #packed(key: string, asked: AskedClient): Packed | Promise<Packed> {
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    const coming = this.#coming.get(key);
    if (coming !== undefined) return coming;
    if (this.#coming.size > MOST_WAITING)
      throw new SluiceError('UNAVAILABLE', 'Other clients are being generated: try again.', {
        details: { retryAfterMs: RETRY_AFTER_MS },
      });
    const made = this.#last
      .then(() => this.#make(asked))
      .then((packed) => this.#keep(key, packed))
      .finally(() => this.#coming.delete(key));
    this.#last = made.catch(() => {});
    this.#coming.set(key, made);
    return made;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#last;
  }

  async #make({ product, document, language }: AskedClient): Promise<Packed> {
    const generatorDir = this.#generatorDir;
    const { signal } = this.#closed;
    if (signal.aborted) throw new SluiceError('DRAINING');
    const folder = await mkdtemp(join(tmpdir(), 'sluice-client-'));
    const outDir = join(folder, 'client');
    try {
      await writeClient({ document, language, outDir, generatorDir, timeoutMs: TIMEOUT_MS, signal });
      return await pack(outDir, `${product}-client`);
    } catch (error) {
      if (signal.aborted) throw new SluiceError('DRAINING');
      throw new Error(`${product}: the ${language} client was not generated`, { cause: error });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  #keep(key: string, packed: Packed): Packed {
    this.#kept.set(key, packed);
    this.#keptBytes += sizeOf(packed);
    for (const [oldest, old] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT && this.#keptBytes <= MOST_KEPT_BYTES) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= sizeOf(old);
    }
    return packed;
  }
}

function sizeOf({ zip, tgz }: Packed): number {
  return zip.length + tgz.length;
}
