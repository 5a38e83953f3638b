import { once } from 'node:events';
import { type Admin, Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KafkaCluster, kafkaVersions, randomName, startKafka } from './index.ts';

async function adminOf(config: KafkaConfig): Promise<Admin> {
  const admin = new Kafka({ retry: { retries: 0 }, logLevel: logLevel.NOTHING, ...config }).admin();
  await admin.connect();
  return admin;
}

describe.each(kafkaVersions)('a secured Kafka %s', (version) => {
  let cluster: KafkaCluster;
  const unsecuredToken = (): string => {
    const seconds = Math.floor(Date.now() / 1000);
    const parts = [{ alg: 'none' }, { sub: 'sluice', iat: seconds, exp: seconds + 600 }];
    return `${parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
  };
  const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'] as const;
  const login = (mechanism: (typeof mechanisms)[number], user: { username: string; password: string }): SASLOptions =>
    mechanism === 'oauthbearer'
      ? { mechanism, oauthBearerProvider: async () => ({ value: unsecuredToken() }) }
      : ({ mechanism, ...user } as SASLOptions);

  beforeAll(async () => {
    cluster = await startKafka({ version, security: true });
  });
  afterAll(() => cluster.stop());

  test.each(mechanisms)('lets the user in by SASL %s, with TLS and without', async (mechanism) => {
    const { sasl: plain, saslTls, ca, user } = cluster.secured ?? expect.fail('no secured listeners');
    const sasl = login(mechanism, user);
    for (const [broker, ssl] of [
      [plain, false],
      [saslTls, { ca: [ca] }],
    ] as [string, KafkaConfig['ssl'] & {}][]) {
      const admin = await adminOf({ brokers: [broker], sasl, ssl });
      const { clusterId, brokers } = await admin.describeCluster();
      expect(clusterId).toBe(cluster.clusterId);
      expect(`127.0.0.1:${brokers[0]?.port}`).toBe(broker);
      await admin.disconnect();
    }
  });

  test.each(mechanisms.slice(0, 3))('refuses a wrong password by SASL %s', async (mechanism) => {
    const { sasl: broker, user } = cluster.secured ?? expect.fail('no secured listeners');
    const wrong = login(mechanism, { ...user, password: 'wrong' });
    await expect(adminOf({ brokers: [broker], sasl: wrong })).rejects.toThrow(/SASL|[Aa]uthentication/);
  });

  test('shows its certificate to those who know the authority, and the others leave', async () => {
    const { tls, ca } = cluster.secured ?? expect.fail('no secured listeners');
    const admin = await adminOf({ brokers: [tls], ssl: { ca: [ca] } });
    expect((await admin.describeCluster()).clusterId).toBe(cluster.clusterId);
    await admin.disconnect();
    await expect(adminOf({ brokers: [tls], ssl: true })).rejects.toThrow(/certificate/);
  });

  test('lets the outsider in and gives no right', async () => {
    const { sasl: broker, outsider } = cluster.secured ?? expect.fail('no secured listeners');
    const admin = await adminOf({ brokers: [broker], sasl: login('scram-sha-256', outsider) });
    await expect(admin.createTopics({ topics: [{ topic: randomName('bed') }] })).rejects.toMatchObject({
      errors: [{ type: 'TOPIC_AUTHORIZATION_FAILED' }],
    });
    await admin.disconnect();
  });
});

test('three brokers hand a partition on when its leader dies, and take it back', async () => {
  await using cluster = await startKafka({ brokers: 3 });
  const admin = await adminOf({ brokers: cluster.bootstrap.split(','), retry: { retries: 20, maxRetryTime: 500 } });
  const topic = randomName('bed');
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 3 }] });
  const leader = async (): Promise<number | undefined> =>
    (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions[0]?.leader;
  const first = await leader();
  const dying = cluster.brokers.find(({ nodeId }) => nodeId === first) ?? expect.fail('the leader is no broker');
  await dying.kill();
  await expect.poll(leader, { timeout: 30_000 }).not.toBe(first);
  expect(cluster.brokers.map(({ nodeId }) => nodeId)).toContain(await leader());
  await dying.start();
  expect(dying.pid).toBeDefined();
  await expect.poll(async () => (await admin.describeCluster()).brokers.length, { timeout: 30_000 }).toBe(3);
  await admin.disconnect();
});

test('a paused broker answers nothing until it is resumed', async () => {
  await using cluster = await startKafka();
  const [broker] = cluster.brokers;
  const admin = await adminOf({ brokers: [cluster.bootstrap], requestTimeout: 60_000 });
  broker?.pause();
  let answered = false;
  const answer = admin.listTopics().then(() => {
    answered = true;
  });
  // That something does not happen can only be waited for.
  await once(AbortSignal.timeout(500), 'abort');
  expect(answered).toBe(false);
  broker?.resume();
  await answer;
  expect(answered).toBe(true);
  await admin.disconnect();
});
