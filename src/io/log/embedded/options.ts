import { z } from 'zod';

/** A cluster of the site's configuration that is an embedded log: one SQLite file (and its -wal and -shm beside it). */
export const embeddedOptions = z.strictObject({
  type: z.literal('embedded'),
  /** The file; its directory is created. Local disks only: SQLite's shared memory does not work over a network share. */
  path: z.string().min(1),
  /** For topics created without a retention of their own. -1 keeps for ever. */
  retentionMs: z.int().min(-1).default(604_800_000),
  /**
   * `normal`: what was acknowledged survives the death of the process, kill -9 included; after a loss of power or a crash of
   * the machine the last commits may be missing, and their offsets are then given out again. `full`: survives that too,
   * for one fsync with each append.
   */
  synchronous: z.enum(['normal', 'full']).default('normal'),
  /** The file grows no larger than this; appends are refused beyond. Default: as far as the disk goes. */
  maxBytes: z.int().min(1_048_576).optional(),
  /** Key, value and headers of one record together. The default is Kafka's own (message.max.bytes). */
  maxRecordBytes: z.int().min(1_024).max(104_857_600).default(1_048_588),
  /** How often compaction and retention run. */
  compactEveryMs: z.int().min(100).default(30_000),
  /** How long a tombstone stays readable after compaction has first passed it (Kafka: delete.retention.ms). */
  tombstoneMs: z.int().min(0).default(86_400_000),
});
