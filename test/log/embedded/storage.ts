import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Logger } from '../../../src/core/observe.ts';
import { createEmbeddedLog, type EmbeddedLog, type EmbeddedLogConfig } from '../../../src/io/log/embedded/index.ts';
import type { LogUnderTest } from '../conformance.ts';

/** What was logged, as lines of level and message. */
export class Lines implements Logger {
  readonly lines: string[] = [];
  debug = (message: string): void => void this.lines.push(`debug ${message}`);
  info = (message: string): void => void this.lines.push(`info ${message}`);
  warn = (message: string): void => void this.lines.push(`warn ${message}`);
  error = (message: string): void => void this.lines.push(`error ${message}`);
}

/** A directory of its own for a log, gone with it. */
export class Storage implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'sluice-embedded-'));
  readonly path = join(this.directory, 'cluster.db');
  readonly logged = new Lines();

  open(config: Partial<EmbeddedLogConfig> = {}): EmbeddedLog {
    // Compaction on its own clock would surprise tests that look at what it does.
    return createEmbeddedLog({
      name: 'test',
      path: this.path,
      observe: this.logged,
      compactEveryMs: 3_600_000,
      ...config,
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function openEmbeddedUnderTest(): Promise<LogUnderTest> {
  const storage = new Storage();
  const log = storage.open();
  return {
    log,
    another: async (now) => storage.open(now === undefined ? {} : { now }),
    deleteTopic: (topic) => log.deleteTopic(topic),
    addPartitions: (topic, partitions) => log.addPartitions(topic, partitions),
    expire: (topic, partition, before) => log.expire(topic, partition, before),
    tooLarge: 1_048_588,
    async [Symbol.asyncDispose]() {
      await log[Symbol.asyncDispose]();
      storage[Symbol.dispose]();
    },
  };
}
