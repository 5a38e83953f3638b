/** "SLUI": tells a log from any other SQLite file. */
export const applicationId = 0x534c5549;
export const schemaVersion = 1;

/** A slot is one life of one partition: never given out twice, so that what a deleted topic left behind can be swept up later. */
export const offsetBits = 40;
/** Offsets stay below, so that it can end a range. */
export const maxOffset = 2 ** offsetBits - 1;

/**
 * One B-tree of records ordered by (slot, offset), packed into the rowid, which SQLite searches faster than a key of two
 * columns and which keeps large values out of its inner pages. `latest` is the highest timestamp of the partition up to
 * and with the record: it never falls, so that a time is found by bisection without an index of its own.
 */
export const schema = `
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
  CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE topic(
    name TEXT PRIMARY KEY,
    uid TEXT NOT NULL,
    cleanup TEXT NOT NULL,
    retention INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE partition(
    slot INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    number INTEGER NOT NULL,
    first INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL DEFAULT 0,
    latest INTEGER NOT NULL DEFAULT -9007199254740991,
    cleaned INTEGER NOT NULL DEFAULT 0,
    passed INTEGER NOT NULL DEFAULT 0,
    passed_at INTEGER,
    UNIQUE(topic, number)
  );
  CREATE TABLE orphan(slot INTEGER PRIMARY KEY);
  CREATE TABLE record(
    id INTEGER PRIMARY KEY,
    timestamp INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    key BLOB,
    value BLOB,
    headers BLOB
  );
  CREATE TABLE lease(name TEXT PRIMARY KEY, holder TEXT NOT NULL, taken INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
`;

/**
 * What was appended under which key. Not part of the format's first files: made where it is missing, since whoever does not know it
 * can leave it alone.
 */
export const onceSchema = `
  CREATE TABLE once(
    key TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    digest TEXT NOT NULL,
    memo TEXT NOT NULL,
    uid TEXT NOT NULL,
    positions TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX once_at ON once(at);
`;
