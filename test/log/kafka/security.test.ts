import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LogError } from '../../../src/core/log/index.ts';
import { type KafkaOptions, kafkaOptions } from '../../../src/io/log/kafka/index.ts';
import { type KafkaCluster, kafkaVersions, randomName, startKafka } from '../../bed/index.ts';
import { collect, Recorder } from '../recorder.ts';
import { openLog, withAdmin } from './storage.ts';

type Sasl = NonNullable<KafkaOptions['sasl']>;

describe.each(kafkaVersions)('on Kafka %s', { timeout: 180_000 }, (version) => {
  let cluster: KafkaCluster;

  beforeAll(async () => {
    cluster = await startKafka({ version, security: true });
  });

  afterAll(() => cluster.stop());

  const secured = () => {
    if (cluster.secured === undefined) throw new Error('the bed gave no secured listeners');
    return cluster.secured;
  };
  const options = (brokers: string, rest: Partial<KafkaOptions>): KafkaOptions =>
    kafkaOptions.parse({ type: 'kafka', brokers: brokers.split(','), ...rest });

  /** Creates, appends, ranges and tails: every kind of connection that the log makes. */
  const works = async (given: KafkaOptions): Promise<void> => {
    await using log = openLog('', { options: given });
    const topic = randomName('secured');
    await log.create(topic, { partitions: 1, cleanup: 'delete' });
    await log.append(topic, [{ key: null, value: Buffer.from('one') }]);
    const { incarnation } = await log.describe(topic);
    const scans = await collect(log.range(topic, incarnation, 0, 0, 1));
    expect(scans.flatMap(({ records }) => records).map(({ value }) => value?.toString())).toEqual(['one']);
    const recorder = new Recorder();
    await using _ = log.tail(topic, incarnation, new Map([[0, 0]]), recorder);
    await recorder.reads(0, 1);
  };

  const password = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512') =>
    [mechanism, (): Sasl => ({ mechanism, ...secured().user })] as const;
  const mechanisms = [
    password('plain'),
    password('scram-sha-256'),
    password('scram-sha-512'),
    ['oauthbearer', (): Sasl => ({ mechanism: 'oauthbearer', token: unsecuredToken('sluice') })] as const,
  ];

  test('TLS with the authority that the options name', async () => {
    await works(options(secured().tls, { tls: { caFile: secured().caFile } }));
  });

  test.each(mechanisms)('SASL %s without TLS', async (_, sasl) => {
    await works(options(secured().sasl, { sasl: sasl() }));
  });

  test.each(mechanisms)('SASL %s over TLS', async (_, sasl) => {
    await works(options(secured().saslTls, { sasl: sasl(), tls: { caFile: secured().caFile } }));
  });

  test('SASL oauthbearer with a token of the client credentials grant, which is asked for once while it lasts', async () => {
    const asked: string[] = [];
    const server = createServer((incoming, outgoing) => {
      let body = '';
      incoming.on('data', (part) => (body += part));
      incoming.on('end', () => {
        asked.push(`${incoming.headers.authorization} ${body}`);
        outgoing.setHeader('content-type', 'application/json');
        outgoing.end(JSON.stringify({ access_token: unsecuredToken('sluice'), expires_in: 3_600 }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const tokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    const sasl: Sasl = {
      mechanism: 'oauthbearer',
      tokenUrl,
      clientId: 'sluice',
      clientSecret: 'secret',
      scope: 'kafka',
    };
    try {
      await works(options(secured().sasl, { sasl }));
    } finally {
      server.close();
    }
    const basic = Buffer.from('sluice:secret').toString('base64');
    expect(new Set(asked)).toEqual(new Set([`Basic ${basic} grant_type=client_credentials&scope=kafka`]));
    expect(asked.length).toBe(1);
  });

  test('a wrong password is UNAUTHORISED', async () => {
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
      const sasl: Sasl = { mechanism, username: secured().user.username, password: 'wrong' };
      await using log = openLog('', { options: options(secured().sasl, { sasl }) });
      await expect(log.ping(), mechanism).rejects.toMatchObject({ kind: 'UNAUTHORISED' });
    }
  });

  test('a user without rights gets UNAUTHORISED from every call, and its tail fails', async () => {
    await using owner = openLog(cluster.bootstrap);
    const topic = randomName('secured');
    await owner.create(topic, { partitions: 1, cleanup: 'delete' });
    const { incarnation } = await owner.describe(topic);
    const sasl: Sasl = { mechanism: 'plain', ...secured().outsider };
    await using log = openLog('', { options: options(secured().sasl, { sasl }) });
    const unauthorised = { kind: 'UNAUTHORISED' };
    await expect(log.describe(topic)).rejects.toMatchObject(unauthorised);
    await expect(log.extents(topic)).rejects.toMatchObject(unauthorised);
    await expect(log.append(topic, [{ key: null, value: null }])).rejects.toMatchObject(unauthorised);
    const once = { key: randomName('key'), digest: '', memo: '' };
    await expect(log.appendOnce(topic, [{ key: null, value: null }], once)).rejects.toMatchObject(unauthorised);
    await expect(log.create(randomName('secured'), { partitions: 1, cleanup: 'delete' })).rejects.toMatchObject(
      unauthorised,
    );
    await expect(collect(log.range(topic, incarnation, 0, 0, 10))).rejects.toMatchObject(unauthorised);
    const recorder = new Recorder();
    await using _ = log.tail(topic, incarnation, new Map([[0, 0]]), recorder);
    expect(await recorder.fails(0)).toMatchObject(unauthorised);
  });

  test('a user with the rights that docs/OPERATIONS.md names, and no others, appends by key', async () => {
    await using owner = openLog(cluster.bootstrap);
    const topic = randomName('secured');
    const prefix = `${randomName('own')}.`;
    await owner.create(topic, { partitions: 2, cleanup: 'delete' });
    const { username } = secured().outsider;
    const allowed = (
      resourceType: AclResourceTypes,
      resourceName: string,
      resourcePatternType: ResourcePatternTypes,
      operations: readonly AclOperationTypes[],
    ) =>
      operations.map((operation) => ({
        resourceType,
        resourceName,
        resourcePatternType,
        principal: `User:${username}`,
        host: '*',
        operation,
        permissionType: AclPermissionTypes.ALLOW,
      }));
    const { CREATE, DESCRIBE, READ, WRITE } = AclOperationTypes;
    const { LITERAL, PREFIXED } = ResourcePatternTypes;
    await withAdmin(cluster.bootstrap, (admin) =>
      admin.createAcls({
        acl: [
          ...allowed(AclResourceTypes.TOPIC, topic, LITERAL, [READ, DESCRIBE, WRITE]),
          ...allowed(AclResourceTypes.TOPIC, `${prefix}once`, LITERAL, [CREATE, READ, WRITE, DESCRIBE]),
          ...allowed(AclResourceTypes.TRANSACTIONAL_ID, `${prefix}once.`, PREFIXED, [WRITE, DESCRIBE]),
        ],
      }),
    );
    const sasl: Sasl = { mechanism: 'plain', ...secured().outsider };
    await using log = openLog('', { options: options(secured().sasl, { sasl }), prefix });
    const records = [0, 1].map((partition) => ({ partition, key: null, value: Buffer.from('one') }));
    const once = { key: randomName('key'), digest: '', memo: '' };
    // Each broker hears of new rights in its own time.
    const answered = async () => {
      for (;;) {
        const answer = await log.appendOnce(topic, records, once).catch((error: LogError) => error);
        if (!(answer instanceof LogError)) return answer;
        expect(answer.kind).toBe('UNAUTHORISED');
      }
    };
    const first = await answered();
    expect(await log.appendOnce(topic, records, once)).toEqual({ ...first, isRepeated: true });
    expect((await owner.extents(topic)).map(({ first: from }) => from)).toEqual([0, 0]);
  });

  test('an authority that did not sign the brokers is no way in, and a missing file is said at once', async () => {
    await using log = openLog('', { options: options(secured().tls, { tls: true }) });
    await expect(log.ping()).rejects.toMatchObject({
      kind: 'UNAVAILABLE',
      message: expect.stringContaining('certificate'),
    });
    expect(() => openLog('', { options: options(secured().tls, { tls: { caFile: '/nowhere/ca.pem' } }) })).toThrow(
      '/nowhere/ca.pem',
    );
  });
});

/** What a broker with unsecured OAUTHBEARER takes: a JWT that nobody signed. */
function unsecuredToken(subject: string): string {
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now - 5, exp: now + 3_600 })}.`;
}
