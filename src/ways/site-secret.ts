/**
 * The way of a site's secret, by which its nodes know each other where the configuration names none: it lies in the state of record,
 * made by whichever node came first, so that whoever may read the state of a site may join it, and nobody else.
 */
import { z } from 'zod';
import { type Decision, secretsTopic } from '../core/access/index.ts';
import type { Clock } from '../core/delivery/index.ts';
import type { JournalRecord } from '../core/log/index.ts';
import type { Observe } from '../core/observe.ts';
import type { StateReader } from './state.ts';

const KEY = 'links';
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

const record = z.looseObject({ v: z.literal(1), secret: z.string().min(16).max(1_024) });

export interface SiteSecret {
  /** To be given to the way of the state. */
  readonly reader: StateReader;
  close(): void;
}

export interface SiteSecretOptions {
  /** The state way's. */
  readonly transact: <Answer>(decide: () => Decision<Answer>) => Promise<Answer>;
  /** A new secret. */
  readonly mint: () => string;
  /** Called with the secret once it is known, and with each one that takes its place. */
  readonly known: (secret: string) => void;
  readonly clock: Clock;
  readonly observe: Observe;
}

export function createSiteSecret({ transact, mint, known, clock, observe }: SiteSecretOptions): SiteSecret {
  /** As it is written; null: none, or none that can be read. */
  let written: string | null = null;
  let told: string | null = null;
  let isBuilding = false;
  let isMinting = false;
  let pauseMs = FIRST_PAUSE_MS;
  let cancel = (): void => {};
  let isClosed = false;

  const tell = (): void => {
    if (isBuilding || isClosed || written === null || written === told) return;
    told = written;
    known(written);
  };
  const apply = ({ topic, key, value }: JournalRecord): void => {
    if (topic !== secretsTopic || key !== KEY) return;
    written = value === null ? null : secretIn(value);
    if (value !== null && written === null)
      observe.error('The secret of the site’s links in the state of record cannot be read: another one is made', {});
    tell();
  };
  const ensure = async (): Promise<void> => {
    if (isClosed || isMinting || written !== null) return;
    isMinting = true;
    try {
      await transact(() => ({
        // Inside the transaction, on the newest state: another node may have been quicker.
        writes:
          written === null ? [{ topic: secretsTopic, key: KEY, value: JSON.stringify({ v: 1, secret: mint() }) }] : [],
        answer: null,
      }));
      pauseMs = FIRST_PAUSE_MS;
    } catch (thrown) {
      observe.warn('The secret of the site’s links cannot be made: the state of record cannot be written', {
        error: thrown instanceof Error ? thrown.message : String(thrown),
        againInMs: pauseMs,
      });
      cancel = clock.after(pauseMs, () => void ensure());
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    } finally {
      isMinting = false;
    }
  };
  return {
    reader: {
      restart() {
        isBuilding = true;
        written = null;
      },
      apply,
      adopt() {
        isBuilding = false;
        tell();
        void ensure();
      },
    },
    close() {
      isClosed = true;
      cancel();
    },
  };
}

function secretIn(text: string): string | null {
  try {
    return record.parse(JSON.parse(text)).secret;
  } catch {
    return null;
  }
}
