import * as crypto from 'node:crypto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { SluiceError } from '../../src/core/errors.ts';
import { address, maxStaleness, Setting } from './setting.ts';

vi.mock('node:crypto', { spy: true });

/** The code of what is thrown, or what was returned. */
function outcome(act: () => unknown): unknown {
  try {
    return act();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown.code;
    throw thrown;
  }
}

describe('a key', () => {
  let setting: Setting;
  beforeEach(() => {
    setting = new Setting();
    vi.mocked(crypto.timingSafeEqual).mockClear();
  });
  const attempt = (secret: string | null, from = address): unknown =>
    outcome(() => setting.access.authenticate(secret, from));

  test('has a visible prefix and 32 random bytes, and authenticates its application', () => {
    const { application, key, principal } = setting.partner([]);
    expect(key.secret).toMatch(/^slk_[0-9a-z]{12}_[A-Za-z0-9_-]{43}$/);
    expect(key.secret.startsWith(`${key.prefix}_`)).toBe(true);
    expect(principal.application.id).toBe(application.id);
    expect(principal.key).toBe(key.id);
  });

  test('is stored as a hash: no record holds the secret', () => {
    const application = setting.application();
    const created = setting.key(application.id);
    const stored = JSON.stringify([...setting.access.state.keys.values()]);
    expect(stored).toContain(created.prefix);
    expect(stored).not.toContain(created.secret.slice(-43));
  });

  test('is refused when one character of it differs, wherever', () => {
    const { key } = setting.partner([]);
    for (const at of [0, 5, key.prefix.length + 1, key.secret.length - 2]) {
      const other = key.secret[at] === 'x' ? 'y' : 'x';
      expect(attempt(`${key.secret.slice(0, at)}${other}${key.secret.slice(at + 1)}`)).toBe('UNAUTHENTICATED');
    }
  });

  test('is refused when it is missing, malformed, too long, or one that nobody made', () => {
    for (const text of [
      null,
      '',
      'slk_',
      'Bearer x',
      `slk_abcdefghjkmn_${'A'.repeat(43)}`,
      'x'.repeat(1_000_000),
      'slk_\u0000_',
    ]) {
      expect(attempt(text)).toBe('UNAUTHENTICATED');
    }
  });

  test('is compared in constant time, also when its prefix is not known', () => {
    const { key } = setting.partner([]);
    const compared = vi.mocked(crypto.timingSafeEqual);
    compared.mockClear();
    attempt(key.secret);
    attempt(`${key.prefix}_${'A'.repeat(43)}`);
    attempt(`slk_abcdefghjkmn_${'A'.repeat(43)}`);
    expect(compared).toHaveBeenCalledTimes(3);
    for (const [stored, presented] of compared.mock.calls) {
      expect([stored.byteLength, presented.byteLength]).toEqual([32, 32]);
    }
  });

  test('ends at its expiry, and says so only to whoever holds it', () => {
    const application = setting.application();
    const key = setting.key(application.id, { expiresAt: setting.wall + 1_000 });
    expect(attempt(key.secret)).toMatchObject({ key: key.id });
    setting.wall += 1_000;
    expect(attempt(key.secret)).toBe('TOKEN_EXPIRED');
    expect(attempt(`${key.prefix}_${'A'.repeat(43)}`)).toBe('UNAUTHENTICATED');
  });

  test('of an application that is closed or deleted opens nothing', () => {
    const { application, key } = setting.partner([]);
    setting.put(`application/${application.id}`, JSON.stringify({ ...application, state: 'CLOSED' }));
    expect(attempt(key.secret)).toBe('UNAUTHENTICATED');
    setting.put(`application/${application.id}`, JSON.stringify(application));
    expect(attempt(key.secret)).toMatchObject({ key: key.id });
    setting.put(`application/${application.id}`, null);
    expect(attempt(key.secret)).toBe('UNAUTHENTICATED');
  });
});

describe('unconfirmed state', () => {
  test('refuses from the start until it is confirmed, and again once it is too old', () => {
    const setting = new Setting();
    const { key, principal } = setting.partner(['parcels']);
    const act = () => outcome(() => setting.access.authenticate(key.secret, address));
    setting.now += maxStaleness;
    expect(setting.access.stale).toBe(false);
    expect(act()).toMatchObject({ key: key.id });
    setting.now += 1;
    expect(setting.access.stale).toBe(true);
    expect(act()).toBe('UNAVAILABLE');
    expect(outcome(() => setting.access.authorise(principal, {} as never, 'subscribe'))).toBe('UNAVAILABLE');
    setting.access.confirmed(setting.now);
    expect(act()).toMatchObject({ key: key.id });
    setting.access.confirmed(setting.now - 50_000);
    expect(setting.access.stale).toBe(false);
  });
});

describe('brute force', () => {
  const wrong = (prefix: string): string => `${prefix}_${'A'.repeat(43)}`;

  test('on a prefix is slowed from any address, and recovers', () => {
    const setting = new Setting();
    const { key } = setting.partner([]);
    const fresh = '198.51.100.1';
    for (let tries = 0; tries < 10; tries++) {
      expect(outcome(() => setting.access.authenticate(wrong(key.prefix), `203.0.113.${tries}`))).toBe(
        'UNAUTHENTICATED',
      );
    }
    expect(() => setting.access.authenticate(key.secret, fresh)).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED', details: { retryAfterMs: 3_000 } }),
    );
    setting.now += 3_000;
    expect(outcome(() => setting.access.authenticate(key.secret, fresh))).toMatchObject({ key: key.id });
  });

  test('by strangers does not slow an address that has used the key before', () => {
    const setting = new Setting();
    const { key } = setting.partner([]);
    for (let tries = 0; tries < 50; tries++)
      outcome(() => setting.access.authenticate(wrong(key.prefix), '203.0.113.9'));
    expect(outcome(() => setting.access.authenticate(key.secret, '203.0.113.10'))).toBe('RATE_LIMITED');
    expect(outcome(() => setting.access.authenticate(key.secret, address))).toMatchObject({ key: key.id });
  });

  test('from an address is slowed whatever is tried, the whole /64 of an IPv6 address together', () => {
    const setting = new Setting();
    for (let tries = 0; tries < 100; tries++) {
      expect(outcome(() => setting.access.authenticate('guess', `2001:db8::${tries.toString(16)}`))).toBe(
        'UNAUTHENTICATED',
      );
    }
    expect(outcome(() => setting.access.authenticate('guess', '2001:db8:0:0:1::1'))).toBe('RATE_LIMITED');
    expect(outcome(() => setting.access.authenticate('guess', '2001:db8:0:1::1'))).toBe('UNAUTHENTICATED');
    setting.now += 100;
    expect(outcome(() => setting.access.authenticate('guess', '2001:db8::1'))).toBe('UNAUTHENTICATED');
    expect(outcome(() => setting.access.authenticate('guess', '2001:db8::1'))).toBe('RATE_LIMITED');
  });
});
