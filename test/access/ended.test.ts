import { beforeEach, describe, expect, test } from 'vitest';
import { type Listening, revokeKey } from '../../src/core/access/index.ts';
import { address, parcels, Setting } from './setting.ts';

describe('what ends is told', () => {
  let setting: Setting;
  let told: string[];
  let partner: ReturnType<Setting['partner']>;

  beforeEach(() => {
    setting = new Setting();
    told = [];
    partner = setting.partner(['parcels', 'orders']);
    const [parcelsGrant, ordersGrant] = partner.grants;
    if (parcelsGrant === undefined || ordersGrant === undefined) throw new Error('no grants');
    setting.access.onPrincipalEnded(partner.principal, ({ code }) => told.push(`principal ${code}`));
    setting.access.onGrantEnded(parcelsGrant, ({ code }) => told.push(`parcels ${code}`));
    setting.access.onGrantEnded(ordersGrant, ({ code }) => told.push(`orders ${code}`));
    setting.access.onChanged(() => told.push('changed'));
  });

  const rewrite = (kind: 'application' | 'key' | 'grant', record: { id: string } | undefined, change: object): void =>
    setting.put(`${kind}/${record?.id}`, JSON.stringify({ ...record, ...change }));

  test('a revoked key to its principal, once, and to nobody else', () => {
    rewrite('key', partner.key, { revokedAt: setting.wall });
    rewrite('key', partner.key, { revokedAt: setting.wall + 1 });
    expect(told).toEqual(['principal UNAUTHENTICATED']);
    expect(() => setting.access.authorise(partner.principal, parcels, 'subscribe')).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  });

  test.each(['CLOSED', 'PAUSED', 'REJECTED', 'PENDING'])(
    'a grant that is %s to those of that grant, then that surfaces changed',
    (state) => {
      rewrite('grant', partner.grants[0], { state });
      expect(told).toEqual(['parcels GRANT_ENDED', 'changed']);
    },
  );

  test('a closed application to its grants first, then to its principals, then that surfaces changed', () => {
    rewrite('application', partner.application, { state: 'CLOSED' });
    // Grants of one moment come in the order of their random ids.
    expect(told.slice(0, 2).sort()).toEqual(['orders GRANT_ENDED', 'parcels GRANT_ENDED']);
    expect(told.slice(2)).toEqual(['principal UNAUTHENTICATED', 'changed']);
  });

  test.each([
    ['deleted', null],
    ['of a version to come', '{"v":2}'],
    ['garbage', '{{{'],
  ])('a record that is %s is not in force any more, whatever it was', (_, value) => {
    setting.put(`grant/${partner.grants[0]?.id}`, value);
    setting.put(`key/${partner.key.id}`, value);
    expect(told).toEqual(['parcels GRANT_ENDED', 'changed', 'principal UNAUTHENTICATED']);
  });

  test('an expired key when the pulse finds it', () => {
    const key = setting.key(partner.application.id, { expiresAt: setting.wall + 500 });
    const principal = setting.access.authenticate(key.secret, address);
    setting.access.onPrincipalEnded(principal, ({ code }) => told.push(`expiring ${code}`));
    setting.access.pulse();
    expect(told).toEqual([]);
    setting.wall += 500;
    setting.access.pulse();
    setting.access.pulse();
    expect(told).toEqual(['expiring TOKEN_EXPIRED']);
  });

  test('to nobody who has stopped listening, not even when another listener stops it', () => {
    const again = setting.partner(['parcels']);
    const [grant] = again.grants;
    if (grant === undefined) throw new Error('no grant');
    const stops: Listening[] = [];
    setting.access.onGrantEnded(grant, () => {
      for (const listening of stops) listening.stop();
    });
    stops.push(setting.access.onGrantEnded(grant, () => told.push('never')));
    told.length = 0;
    rewrite('grant', grant, { state: 'CLOSED' });
    expect(told).toEqual(['changed']);
  });

  test('to everybody, whatever one of them throws, and the log says so', () => {
    const [grant] = partner.grants;
    if (grant === undefined) throw new Error('no grant');
    setting.access.onGrantEnded(grant, () => {
      throw new Error('a listener in trouble');
    });
    setting.access.onGrantEnded(grant, () => told.push('the next'));
    rewrite('grant', grant, { state: 'CLOSED' });
    expect(told).toEqual(['parcels GRANT_ENDED', 'the next', 'changed']);
    expect(setting.lines.at(-1)?.fields['error']).toBe('Error: a listener in trouble');
  });

  test('to whoever begins to listen too late, after the call has returned', async () => {
    rewrite('key', partner.key, { revokedAt: setting.wall });
    const late = Promise.withResolvers<string>();
    let returned = false;
    setting.access.onPrincipalEnded(partner.principal, ({ code }) => late.resolve(`${code}, returned: ${returned}`));
    returned = true;
    expect(await late.promise).toBe('UNAUTHENTICATED, returned: true');
  });
});

describe('a state that is read anew', () => {
  test('is built aside: the old one is served until the new one is whole, then what it lacks has ended', () => {
    const setting = new Setting();
    const kept = setting.partner(['parcels']);
    const lost = setting.partner(['parcels']);
    const told: string[] = [];
    for (const [name, { principal, grants }] of Object.entries({ kept, lost })) {
      setting.access.onPrincipalEnded(principal, ({ code }) => told.push(`${name} ${code}`));
      for (const grant of grants) setting.access.onGrantEnded(grant, ({ code }) => told.push(`${name} ${code}`));
    }
    setting.access.onChanged(() => told.push('changed'));
    setting.access.restart();
    const { application, key, grants } = kept;
    const { secret: _, ...record } = key;
    setting.put(`application/${application.id}`, JSON.stringify(application));
    setting.put(`key/${key.id}`, JSON.stringify(record));
    setting.put(`grant/${grants[0]?.id}`, JSON.stringify(grants[0]));
    expect(told).toEqual([]);
    expect(setting.access.authenticate(lost.key.secret, address)).toMatchObject({ key: lost.key.id });
    setting.access.adopt();
    expect(told).toEqual(['lost GRANT_ENDED', 'lost UNAUTHENTICATED', 'changed']);
    expect(setting.access.narrow(kept.principal, [parcels])).toEqual([parcels]);
    expect(() => setting.access.authenticate(lost.key.secret, address)).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  });
});

describe('records', () => {
  test('that cannot be read are logged by key, never by content, and harm nothing else', () => {
    const setting = new Setting();
    const { application, principal } = setting.partner(['parcels']);
    const before = setting.lines.length;
    const broken: readonly (readonly [string, string])[] = [
      ['nonsense', 'sesame'],
      ['planet/earth', '{"sesame":1}'],
      ['__proto__/x', '{"sesame":1}'],
      ['key/one', '"sesame"'],
      ['key/one', `${'['.repeat(100_000)}`],
      [
        'key/two',
        JSON.stringify({
          v: 1,
          id: 'other',
          application: application.id,
          prefix: 'slk_a',
          hash: 'A'.repeat(43),
          createdAt: 1,
          expiresAt: null,
          revokedAt: null,
        }),
      ],
      [
        'grant/three',
        JSON.stringify({
          v: 1,
          id: 'three',
          application: application.id,
          apiProduct: 'parcels',
          plan: 'direct',
          roles: [],
          restrictions: { sesame: true },
          state: 'ACCEPTED',
          createdAt: 1,
          endedAt: null,
        }),
      ],
    ];
    for (const [key, value] of broken) setting.put(key, value);
    const lines = setting.lines.slice(before);
    expect(lines.map(({ fields }) => fields['key'])).toEqual(broken.map(([key]) => key));
    expect(JSON.stringify(lines)).not.toContain('"sesame"');
    expect(setting.access.narrow(principal, [parcels])).toEqual([parcels]);
  });

  test('of other topics are not access’s', () => {
    const setting = new Setting();
    setting.put('application/app-1', '{{{', 'contracts');
    expect(setting.lines).toEqual([]);
  });

  test('keep fields that this version does not know when they are written again', () => {
    const setting = new Setting();
    const { key } = setting.partner([]);
    const { secret: _, ...record } = key;
    setting.put(`key/${key.id}`, JSON.stringify({ ...record, label: 'from a newer version' }));
    setting.change(revokeKey(setting.access.state, { now: setting.wall }, { key: key.id }));
    expect(setting.access.state.keys.get(key.id)).toMatchObject({
      label: 'from a newer version',
      revokedAt: setting.wall,
    });
  });
});
