import { LogError } from '../../../core/log/index.ts';

/** SQLite's primary result codes that mean something to us. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;

/** Another process holds the lock: trying again soon helps. */
export function isBusy(thrown: unknown): boolean {
  const code = primaryCode(thrown);
  return code === BUSY || code === LOCKED;
}

/** What SQLite or the file system threw, as a LogError whose message says what to do. A LogError stays as it is. */
export function asLogError(thrown: unknown, name: string, path: string): unknown {
  if (thrown instanceof LogError) return thrown;
  const code = primaryCode(thrown);
  const system = systemCode(thrown);
  if (code === undefined && system === undefined) return thrown;
  const log = `The embedded log of cluster "${name}" (${path})`;
  const because = { cause: thrown };
  if (code === FULL || system === 'ENOSPC' || system === 'EDQUOT')
    return new LogError(
      'UNAVAILABLE',
      `${log} is full: free space on its disk, shorten its retention, or raise its maxBytes. Nothing of this write was kept.`,
      because,
    );
  if (code === READONLY || system === 'EROFS' || system === 'EACCES' || system === 'EPERM')
    return new LogError(
      'UNAVAILABLE',
      `${log} cannot be written: make the file and its directory writable for this user, or set another path.`,
      because,
    );
  if (code === NOTADB)
    return new LogError('CORRUPT', `${log} is not an embedded log: move the file away or set another path.`, because);
  if (code === CORRUPT)
    return new LogError(
      'CORRUPT',
      `${log} is damaged: move it away with its -wal and -shm and start anew, or restore a copy.`,
      because,
    );
  if (code === BUSY || code === LOCKED)
    return new LogError(
      'UNAVAILABLE',
      `${log} is locked by another process that does not let go: see which processes have it open.`,
      because,
    );
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new LogError(
    'UNAVAILABLE',
    `${log} cannot be opened, read or written (${reason}): see that its directory exists, is a directory, and lies on a local disk that works.`,
    because,
  );
}

function primaryCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return undefined;
  return thrown.errcode & 0xff;
}

function systemCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown) || !('syscall' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
