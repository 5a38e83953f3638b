/** The log and journal ports over a Kafka cluster. */
import type { Log } from '../../../core/log/index.ts';
import { createKafkaLogParts, type KafkaLogConfig } from './parts.ts';

export { createKafkaJournal } from './journal.ts';
export { type KafkaOptions, kafkaOptions } from './options.ts';
export type { KafkaLogConfig };

/** Connects when first used. Throws if a file that the options name cannot be read. */
export function createKafkaLog(config: KafkaLogConfig): Log {
  return createKafkaLogParts(config).log;
}
