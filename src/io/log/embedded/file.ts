import { randomBytes } from 'node:crypto';
import { closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

import { LogError } from '../../../core/log/index.ts';
import { applicationId, onceSchema, schema, schemaVersion } from './schema.ts';

export interface FileOptions {
  readonly synchronous: 'normal' | 'full';
  readonly maxBytes?: number | undefined;
}

/** One connection with its prepared statements. Rows come as arrays. */
export interface Connection {
  sql(text: string): StatementSync;
}

export class Handle implements Connection {
  readonly db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.db.prepare(text);
      statement.setReturnArrays(true);
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

/** A connection that never waits inside a call: a lock is an error at once. */
export function connect(path: string, options: FileOptions): Handle {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec(
      `PRAGMA synchronous = ${options.synchronous}; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384`,
    );
    if (options.maxBytes !== undefined) {
      const page = Number(db.prepare('PRAGMA page_size').get()?.page_size);
      db.exec(`PRAGMA max_page_count = ${Math.floor(options.maxBytes / page)}`);
    }
    return new Handle(db);
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

/** Makes the file a log if it is empty, sees that it is one if not, and returns the cluster id. */
export function prepare(writer: Handle, name: string, path: string): string {
  const { db } = writer;
  const pragma = (what: string) => Number(db.prepare(`PRAGMA ${what}`).get()?.[what]);
  const foreign = () => Number(db.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.tables) > 0;
  if (pragma('application_id') !== applicationId && foreign()) {
    throw new LogError(
      'CORRUPT',
      `${path} is a database of another program, not the embedded log of cluster "${name}": move it away or set another path.`,
    );
  }
  db.exec('PRAGMA journal_mode = WAL');
  if (pragma('user_version') > schemaVersion) {
    throw new LogError(
      'CORRUPT',
      `${path} was written by a newer Sluice (format ${pragma('user_version')}, this one knows ${schemaVersion}): run that one, or set another path for cluster "${name}".`,
    );
  }
  const hasOnce = () => db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'once'").get() !== undefined;
  if (pragma('user_version') < schemaVersion || !hasOnce()) {
    db.exec('BEGIN IMMEDIATE');
    try {
      if (pragma('user_version') < schemaVersion) {
        db.exec(schema);
        db.prepare("INSERT INTO meta(name, value) VALUES ('cluster', ?)").run(randomBytes(16).toString('base64url'));
      }
      if (!hasOnce()) db.exec(onceSchema);
      db.exec('COMMIT');
    } catch (thrown) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw thrown;
    }
  }
  return String(db.prepare("SELECT value FROM meta WHERE name = 'cluster'").get()?.value);
}

/** The file holds hashes of keys: for its owner alone. Never opened when it exists, since closing it would drop SQLite's locks. */
export function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

/** Which file it is: another one of the same name is another. */
export function identity(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'gone' : `${stat.dev}:${stat.ino}`;
}
