import { describe, expect, test } from 'vitest';
import { createAttempts, networkOf } from '../../src/core/access/index.ts';

describe('attempts', () => {
  test('are slowed after the burst, at the pace of recovery, and never for longer than the bucket is deep', () => {
    let now = 0;
    const attempts = createAttempts({ clock: () => now, perAddress: { burst: 3, recoveryMs: 1_000 } });
    for (let failures = 0; failures < 50; failures++) attempts.failed('192.0.2.1', null);
    expect(attempts.allow('192.0.2.1', null)).toBe(1_000);
    now += 999;
    expect(attempts.allow('192.0.2.1', null)).toBe(1);
    now += 1;
    expect(attempts.allow('192.0.2.1', null)).toBeNull();
    expect(attempts.allow('192.0.2.2', null)).toBeNull();
  });

  test('are remembered within a bound: the one longest untouched is forgotten', () => {
    const attempts = createAttempts({ clock: () => 0, perAddress: { burst: 1, recoveryMs: 1_000 }, remembered: 2 });
    attempts.failed('192.0.2.1', null);
    attempts.failed('192.0.2.2', null);
    expect(attempts.allow('192.0.2.1', null)).toBe(1_000);
    attempts.failed('192.0.2.1', null);
    attempts.failed('192.0.2.3', null);
    expect(attempts.allow('192.0.2.1', null)).toBe(1_000);
    expect(attempts.allow('192.0.2.2', null)).toBeNull();
  });

  test('on a prefix by an address that knows it go on, until that address fails itself', () => {
    const attempts = createAttempts({ clock: () => 0, perPrefix: { burst: 1, recoveryMs: 1_000 } });
    attempts.succeeded('192.0.2.1', 'slk_a');
    attempts.failed('192.0.2.2', 'slk_a');
    expect(attempts.allow('192.0.2.2', 'slk_a')).toBe(1_000);
    expect(attempts.allow('192.0.2.1', 'slk_a')).toBeNull();
    attempts.failed('192.0.2.1', 'slk_a');
    expect(attempts.allow('192.0.2.1', 'slk_a')).toBe(1_000);
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['', ''],
  ['unknown', 'unknown'],
])('the network of %j is %j', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
