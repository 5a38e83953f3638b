import { beforeEach, describe, expect, test } from 'vitest';
import { createApplication, createGrant, createKey, revokeGrant, revokeKey } from '../../src/core/access/index.ts';
import { sealContract } from '../../src/core/contract/index.ts';
import { address, orders, parcels, Setting } from './setting.ts';

let setting: Setting;
beforeEach(() => {
  setting = new Setting();
});

const refusal = (code: string, message: string | RegExp) =>
  expect.objectContaining({
    code,
    message: message instanceof RegExp ? expect.stringMatching(message) : expect.stringContaining(message),
  });

describe('applications', () => {
  test('have an id, a salt and a name, which need not be the only one of its kind', () => {
    const [one, two] = [setting.application('Acme'), setting.application('  Acme ')];
    expect(one.name).toBe(two.name);
    expect(one.id).toMatch(/^app-[0-9a-z]{12}$/);
    expect(new Set([one.id, two.id, one.salt, two.salt]).size).toBe(4);
    expect(setting.access.state.applications.size).toBe(2);
  });

  test.each(['', '   ', 'x'.repeat(101), 'bell\u0007'])('are refused a name such as %j', (name) => {
    expect(() => createApplication(setting.circumstances, { name })).toThrow(refusal('BAD_REQUEST', 'needs a name'));
  });
});

describe('keys', () => {
  test('are refused for an application that is unknown or closed', () => {
    expect(() => setting.key('app-none')).toThrow(refusal('NOT_FOUND', 'There is no application "app-none"'));
    const application = setting.application();
    setting.put(`application/${application.id}`, JSON.stringify({ ...application, state: 'CLOSED' }));
    expect(() => setting.key(application.id)).toThrow(refusal('BAD_REQUEST', 'is closed'));
  });

  test('are refused an expiry that has passed', () => {
    const { id } = setting.application();
    expect(() => setting.key(id, { expiresAt: setting.wall })).toThrow(refusal('BAD_REQUEST', 'future'));
    expect(() => setting.key(id, { expiresAt: Number.NaN })).toThrow(refusal('BAD_REQUEST', 'future'));
  });

  test('made before can be made known again, but not twice', () => {
    const { key } = setting.partner([]);
    const elsewhere = new Setting();
    const { id } = elsewhere.application();
    elsewhere.key(id, { secret: key.secret });
    expect(elsewhere.access.authenticate(key.secret, address).application.id).toBe(id);
    expect(() => elsewhere.key(id, { secret: key.secret })).toThrow(refusal('BAD_REQUEST', 'exists'));
    expect(() => elsewhere.key(id, { secret: 'hunter2' })).toThrow(
      refusal('BAD_REQUEST', 'not one that Sluice has made'),
    );
  });

  test('are bounded per application, revoked ones not counted', () => {
    const { id } = setting.application();
    const keys = Array.from({ length: 100 }, () => setting.key(id));
    expect(() => setting.key(id)).toThrow(refusal('BAD_REQUEST', 'has 100 keys already'));
    setting.change(revokeKey(setting.access.state, { now: setting.wall }, { key: keys[0]?.id ?? '' }));
    expect(setting.key(id).application).toBe(id);
  });

  test('are revoked once, by id or by prefix', () => {
    const { id } = setting.application();
    const [one, two] = [setting.key(id), setting.key(id)];
    const revoke = (key: string) => setting.change(revokeKey(setting.access.state, { now: setting.wall }, { key }));
    expect(revoke(one.id).revokedAt).toBe(setting.wall);
    expect(revoke(two.prefix).id).toBe(two.id);
    expect(() => revoke(one.id)).toThrow(refusal('BAD_REQUEST', /revoked already, at 2026-11-01T/));
    expect(() => revoke('key-none')).toThrow(refusal('NOT_FOUND', 'There is no key "key-none"'));
  });

  test('never carry the secret into what is written', () => {
    const { id } = setting.application();
    const { writes, answer } = createKey(setting.access.state, setting.circumstances, { application: id });
    expect(JSON.stringify(writes)).not.toContain(answer.secret.slice(answer.prefix.length + 1));
  });
});

describe('grants', () => {
  const grant = (product: string, restrictions = {}, contracts = [orders, parcels]) => {
    const { id } = setting.application();
    return createGrant(
      setting.access.state,
      setting.circumstances,
      { application: id, product, restrictions },
      contracts,
    );
  };

  test('are ACCEPTED under the plan that every product has', () => {
    expect(grant('orders').answer).toMatchObject({
      apiProduct: 'orders',
      plan: 'direct',
      state: 'ACCEPTED',
      roles: [],
      restrictions: {},
    });
  });

  test('are refused for a product that is unknown, misnamed or not served', () => {
    expect(() => grant('order')).toThrow(
      refusal('NOT_FOUND', 'There is no product "order"; there are orders, parcels.'),
    );
    expect(() => grant('Orders')).toThrow(refusal('BAD_REQUEST', 'kebab-case'));
    expect(() => grant('orders', {}, [])).toThrow(refusal('NOT_FOUND', 'no contract is in force'));
    expect(() => grant('orders', {}, [sealContract({ ...orders, status: 'retired' })])).toThrow(
      refusal('BAD_REQUEST', 'orders is retired'),
    );
  });

  test('are refused with restrictions that do not fit the contract, or would leave nothing', () => {
    expect(() => grant('orders', { hidden: ['totl'] })).toThrow(refusal('BAD_REQUEST', 'hidden field "totl"'));
    expect(() => grant('orders', { rows: '{"nope":{"eq":1}}' })).toThrow(refusal('BAD_FILTER', 'nope'));
    expect(() => grant('orders', { topics: ['a//b'] })).toThrow(refusal('BAD_FILTER', 'level 2'));
    expect(() => grant('orders', { topics: [] })).toThrow(refusal('BAD_REQUEST', 'restrictions.topics'));
    const bare = sealContract({ ...parcels, template: [], fields: parcels.fields.slice(0, 1) });
    expect(() => grant('parcels', { hidden: ['orderId'] }, [bare])).toThrow(
      refusal('BAD_REQUEST', 'would show nothing'),
    );
  });

  test('are checked by form where the contracts are not at hand', () => {
    const { id } = setting.application();
    expect(setting.grant(id, 'anything', { restrictions: { rows: '{"nope":{"eq":1}}' } }).apiProduct).toBe('anything');
    expect(() => setting.grant(id, 'other', { restrictions: { topics: ['a//b'] } })).toThrow(
      refusal('BAD_FILTER', 'level 2'),
    );
    expect(() => setting.grant(id, 'other', { restrictions: { replay: '1 day' } })).toThrow(
      refusal('BAD_REQUEST', '"1 day"'),
    );
    expect(() => setting.grant(id, 'other', { restrictions: { rows: 'x' } })).toThrow(
      refusal('BAD_REQUEST', 'not JSON'),
    );
  });

  test('are given once per product until they end, and end once', () => {
    const { id } = setting.application();
    const first = setting.grant(id, 'orders');
    expect(() => setting.grant(id, 'orders')).toThrow(
      refusal('BAD_REQUEST', `has grant ${first.id} to orders already`),
    );
    const revoke = (grant: string) =>
      setting.change(revokeGrant(setting.access.state, { now: setting.wall }, { grant }));
    expect(revoke(first.id)).toMatchObject({ state: 'CLOSED', endedAt: setting.wall });
    expect(() => revoke(first.id)).toThrow(refusal('BAD_REQUEST', 'it is CLOSED'));
    expect(() => revoke('grant-none')).toThrow(refusal('NOT_FOUND', 'grant-none'));
    expect(setting.grant(id, 'orders').id).not.toBe(first.id);
  });
});
