import { expect, test } from 'vitest';
import { bed, randomName } from '../../bed/index.ts';
import { collect, Recorder } from '../recorder.ts';
import { openLog, produce, withAdmin } from './storage.ts';

test('reading, live and in ranges, joins no consumer group', async () => {
  const { bootstrap } = await bed().kafka();
  const clientId = randomName('reader');
  await using log = openLog(bootstrap, { clientId });
  const topic = randomName('groups');
  await log.create(topic, { partitions: 1, cleanup: 'delete' });
  await produce(bootstrap, topic, ['a', 'b']);
  const { incarnation } = await log.describe(topic);
  const recorder = new Recorder(new Map([[0, 0]]));
  await using _tail = log.tail(topic, incarnation, new Map([[0, 0]]), recorder);
  await recorder.reads(0, 2);
  expect(await collect(log.range(topic, incarnation, 0, 0, 2))).toHaveLength(1);
  const clients = await withAdmin(bootstrap, async (admin) => {
    const { groups } = await admin.listGroups();
    const described = await admin.describeGroups(groups.map(({ groupId }) => groupId));
    return described.groups.flatMap(({ members }) => members.map((member) => member.clientId));
  });
  expect(clients).not.toContain(clientId);
});
