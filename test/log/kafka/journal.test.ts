import { createKafkaJournal } from '../../../src/io/log/kafka/index.ts';
import { bed, kafkaVersions, randomName } from '../../bed/index.ts';
import { journalConformance } from '../journal-conformance.ts';
import { openLog, quiet, withAdmin } from './storage.ts';

for (const version of kafkaVersions) {
  journalConformance(`the journal of Kafka ${version}`, async (topics) => {
    const { bootstrap } = await bed().kafka(version);
    const prefix = `${randomName('state')}.`;
    const clock = () => performance.now();
    const options = { type: 'kafka' as const, brokers: [bootstrap] };
    return {
      clock,
      journal: async () =>
        createKafkaJournal({ name: 'test', options, clientId: 'sluice-test', prefix, topics, clock, observe: quiet }),
      async recreate({ name, cleanup }) {
        await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: [prefix + name] }));
        await using log = openLog(bootstrap);
        await log.create(prefix + name, { partitions: 1, cleanup });
      },
      async [Symbol.asyncDispose]() {
        await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: topics.map(({ name }) => prefix + name) }));
      },
    };
  });
}
