import { bed, kafkaVersions } from '../../bed/index.ts';
import { logConformance } from '../conformance.ts';
import { kafkaUnderTest } from './storage.ts';

for (const version of kafkaVersions) {
  logConformance(`the log of Kafka ${version}`, async () => kafkaUnderTest((await bed().kafka(version)).bootstrap));
}
