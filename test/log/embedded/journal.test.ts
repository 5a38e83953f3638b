import { createEmbeddedJournal } from '../../../src/io/log/embedded/index.ts';
import { journalConformance } from '../journal-conformance.ts';
import { Storage } from './storage.ts';

journalConformance('the embedded journal', async (topics) => {
  const storage = new Storage();
  const clock = () => performance.now();
  const prefix = '_sluice.';
  return {
    clock,
    journal: async () =>
      createEmbeddedJournal({ name: 'test', path: storage.path, prefix, topics, clock, observe: storage.logged }),
    async recreate({ name, cleanup }) {
      await using log = storage.open();
      await log.deleteTopic(prefix + name);
      await log.create(prefix + name, { partitions: 1, cleanup });
    },
    async [Symbol.asyncDispose]() {
      storage[Symbol.dispose]();
    },
  };
});
