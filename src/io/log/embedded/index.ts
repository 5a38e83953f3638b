import { EmbeddedJournal, type EmbeddedJournalConfig } from './journal.ts';
import { EmbeddedLog, type EmbeddedLogConfig } from './log.ts';

export type { EmbeddedJournal, EmbeddedJournalConfig } from './journal.ts';
export type { EmbeddedLog, EmbeddedLogConfig } from './log.ts';

/** Nothing is opened before first use, so this never fails for the file's sake: `ping` tells, and every call after trouble tries anew. */
export function createEmbeddedLog(config: EmbeddedLogConfig): EmbeddedLog {
  return new EmbeddedLog(config);
}

/** `path` may be a log's own file. Opened on first use. */
export function createEmbeddedJournal(config: EmbeddedJournalConfig): EmbeddedJournal {
  return new EmbeddedJournal(config);
}
