/**
 * The slowing of brute force: a small port, so that several nodes may count together. Only failures count, and they slow,
 * never lock out: an address that has authenticated with a prefix before is not slowed on it by what others do.
 */
export interface Attempts {
  /** null: go on. Else refuse without looking at the secret; milliseconds until the next try is looked at. `prefix` is null for a text that is no key. */
  allow(address: string, prefix: string | null): number | null;
  failed(address: string, prefix: string | null): void;
  succeeded(address: string, prefix: string): void;
}

export interface AttemptLimits {
  /** Failures that are let pass at once. */
  readonly burst: number;
  /** Milliseconds after which one more is. */
  readonly recoveryMs: number;
}

export interface AttemptOptions {
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Generous by default, 100 and ten a second: many partners may come through one proxy, and one that retries a dead key must not shut the others out. */
  readonly perAddress?: AttemptLimits;
  /** By default 10 and one in three seconds. */
  readonly perPrefix?: AttemptLimits;
  /** Addresses, prefixes and known pairs that are remembered, each; the one longest untouched is forgotten first. */
  readonly remembered?: number;
}

/** The port in one process's memory. */
export function createAttempts(options: AttemptOptions): Attempts {
  const remembered = options.remembered ?? 10_000;
  const addresses = new Buckets(options.clock, options.perAddress ?? { burst: 100, recoveryMs: 100 }, remembered);
  const prefixes = new Buckets(options.clock, options.perPrefix ?? { burst: 10, recoveryMs: 3_000 }, remembered);
  const known = new Set<string>();
  return {
    allow(address, prefix) {
      const network = networkOf(address);
      if (prefix !== null && known.has(`${network} ${prefix}`)) return null;
      const wait = Math.max(addresses.wait(network), prefix === null ? 0 : prefixes.wait(prefix));
      return wait > 0 ? wait : null;
    },
    failed(address, prefix) {
      const network = networkOf(address);
      addresses.take(network);
      if (prefix === null) return;
      prefixes.take(prefix);
      known.delete(`${network} ${prefix}`);
    },
    succeeded(address, prefix) {
      const pair = `${networkOf(address)} ${prefix}`;
      known.delete(pair);
      known.add(pair);
      forgetOldest(known, remembered);
    },
  };
}

class Buckets {
  readonly #clock: () => number;
  readonly #limits: AttemptLimits;
  readonly #remembered: number;
  /** Per name the moment at which its bucket will be full again; earlier than now is full. Oldest touched first. */
  readonly #fullAt = new Map<string, number>();

  constructor(clock: () => number, limits: AttemptLimits, remembered: number) {
    this.#clock = clock;
    this.#limits = limits;
    this.#remembered = remembered;
  }

  /** Milliseconds until there is something to take; 0: now. */
  wait(name: string): number {
    const { burst, recoveryMs } = this.#limits;
    const fullAt = this.#fullAt.get(name);
    return fullAt === undefined ? 0 : Math.max(0, Math.ceil(fullAt - this.#clock() - (burst - 1) * recoveryMs));
  }

  take(name: string): void {
    const { burst, recoveryMs } = this.#limits;
    const now = this.#clock();
    const fullAt = Math.max(this.#fullAt.get(name) ?? now, now) + recoveryMs;
    this.#fullAt.delete(name);
    this.#fullAt.set(name, Math.min(fullAt, now + burst * recoveryMs));
    forgetOldest(this.#fullAt, this.#remembered);
  }
}

function forgetOldest(names: Map<string, unknown> | Set<string>, keep: number): void {
  for (const name of names.keys()) {
    if (names.size <= keep) return;
    names.delete(name);
  }
}

/** An IPv4 address as it is; of an IPv6 address the /64 network, since whoever has one address there has all of them. */
export function networkOf(address: string): string {
  const plain = address.split('%')[0] ?? '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':');
}
