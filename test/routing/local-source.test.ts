/** The source that reads a log itself, over the embedded log and over Kafka, keeps what a Source promises. */
import { bed } from '../bed/index.ts';
import { openEmbeddedUnderTest } from '../log/embedded/storage.ts';
import { kafkaUnderTest } from '../log/kafka/storage.ts';
import { numbersOver } from './numbers.ts';
import { sourceConformance } from './source-conformance.ts';

sourceConformance('over the embedded log', async () => numbersOver(await openEmbeddedUnderTest()));
sourceConformance('over Kafka', async () => numbersOver(await kafkaUnderTest((await bed().kafka()).bootstrap)));
