/** The source at the other end of a channel keeps what a Source promises: over the local transport, with Kafka and the embedded log behind. */
import { setTimeout as wait } from 'node:timers/promises';
import { createRemote, createStreamServer, JournalRelay } from '../../src/core/routing/index.ts';
import { createPipeChannel } from '../../src/io/link/index.ts';
import { bed } from '../bed/index.ts';
import { socketPair } from '../link/pair.ts';
import type { LogUnderTest } from '../log/conformance.ts';
import { openEmbeddedUnderTest } from '../log/embedded/storage.ts';
import { kafkaUnderTest, quiet } from '../log/kafka/storage.ts';
import { numbersOver } from './numbers.ts';
import { type SourceBench, sourceConformance } from './source-conformance.ts';
import { clock, noJournal, observe } from './stream.ts';

async function behindChannel(under: LogUnderTest): Promise<SourceBench> {
  const behind = await numbersOver(under);
  const server = createStreamServer({
    source: behind.source,
    journal: new JournalRelay(noJournal, [], clock),
    standing: {},
    observe,
    wait: async (ms) => void (await wait(ms)),
  });
  const [here, there] = await socketPair();
  const served = server.serve(createPipeChannel(there));
  const remote = createRemote(createPipeChannel(here), clock, quiet);
  return {
    ...behind,
    source: remote.source,
    async [Symbol.asyncDispose]() {
      remote.close();
      await Promise.all([served, remote.closed]);
      await behind[Symbol.asyncDispose]();
    },
  };
}

sourceConformance('over a channel, with the embedded log behind', async () =>
  behindChannel(await openEmbeddedUnderTest()),
);
sourceConformance('over a channel, with Kafka behind', async () =>
  behindChannel(await kafkaUnderTest((await bed().kafka()).bootstrap)),
);
