/** Kafka topics of Sluice's own, which whoever needs one first creates. */
import { type Log, LogError, type TopicConfig, type TopicDescription } from '../../../core/log/index.ts';

/** The Kafka topic as it is then: one that exists is left as it is. Errors: UNAUTHORISED, UNAVAILABLE. */
export async function createIfMissing(
  log: Pick<Log, 'describe' | 'create'>,
  topic: string,
  config: TopicConfig,
): Promise<TopicDescription> {
  try {
    return await log.describe(topic);
  } catch (error) {
    if (!(error instanceof LogError) || error.kind !== 'UNKNOWN_TOPIC') throw error;
    await log.create(topic, config).catch((refusal: unknown) => {
      // Another process was quicker.
      if (!(refusal instanceof LogError) || refusal.kind !== 'EXISTS') throw refusal;
    });
    return log.describe(topic);
  }
}
