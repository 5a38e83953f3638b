import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createAccess,
  createApplication,
  createGrant,
  createKey,
  journalTopics,
  revokeGrant,
  revokeKey,
} from '../../src/core/access/index.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { createEmbeddedJournal } from '../../src/io/log/embedded/index.ts';
import { type StateWay, startState } from '../../src/ways/state.ts';
import { Storage } from '../log/embedded/storage.ts';

const address = '192.0.2.1';
const circumstances = () => ({ now: Date.now(), random: randomBytes });

/** One node's access over the embedded journal at a path; `skew` moves its clock. */
class Node implements AsyncDisposable {
  skew = 0;
  readonly stale: boolean[] = [];
  readonly access;
  readonly way: StateWay;
  readonly #journal;
  #staleTold = Promise.withResolvers<boolean>();

  constructor(storage: Storage, path = storage.path) {
    const now = (): number => performance.now() + this.skew;
    const observe = Object.assign(storage.logged, {
      counter: () => ({ add: () => {} }),
      gauge: () => ({ set: () => {} }),
    });
    this.access = createAccess({ clock: now, wall: Date.now, maxStaleness: 30_000, observe });
    this.#journal = createEmbeddedJournal({
      name: 'test',
      path,
      prefix: '_sluice.',
      topics: journalTopics,
      clock: now,
      observe,
    });
    this.way = startState({
      journal: this.#journal,
      access: this.access,
      clock: {
        now,
        soon: (task) => void setImmediate(task),
        after: (ms, task) => {
          const timer = setTimeout(task, ms);
          return () => clearTimeout(timer);
        },
      },
      observe,
      onStale: (stale) => {
        this.stale.push(stale);
        this.#staleTold.resolve(stale);
        this.#staleTold = Promise.withResolvers();
      },
    });
  }

  /** Pulses as a gateway does until staleness changes. */
  async nextStale(): Promise<boolean> {
    const told = this.#staleTold.promise;
    const pulses = setInterval(() => this.way.pulse(), 20);
    try {
      return await told;
    } finally {
      clearInterval(pulses);
    }
  }

  nextChange(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const listening = this.access.onChanged(() => {
      listening.stop();
      resolve();
    });
    return promise;
  }

  async partner() {
    const { id } = await this.way.transact(() => createApplication(circumstances(), { name: 'Partner' }));
    const key = await this.way.transact((state) => createKey(state, circumstances(), { application: id }));
    const grant = await this.way.transact((state) =>
      createGrant(state, circumstances(), { application: id, product: 'orders' }, null),
    );
    return { id, key, grant };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.way[Symbol.asyncDispose]();
    await this.#journal[Symbol.asyncDispose]();
  }
}

let storage: Storage;
beforeEach(() => {
  storage = new Storage();
});
afterEach(() => storage[Symbol.dispose]());

describe('the way of the state', () => {
  test('refuses until the state is in force, then answers from it', async () => {
    await using node = new Node(storage);
    expect(() => node.access.authenticate(null, address)).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    await node.way.ready;
    expect(node.stale).toEqual([false]);
    const { key } = await node.partner();
    expect(node.access.authenticate(key.secret, address).key).toBe(key.id);
  });

  test('tells every node of what one of them has ended', async () => {
    await using one = new Node(storage);
    await using two = new Node(storage);
    await Promise.all([one.way.ready, two.way.ready]);
    const changed = two.nextChange();
    const { key, grant } = await one.partner();
    await changed;
    while (!two.access.state.inForce(grant.id)) await two.nextChange();
    const principal = two.access.authenticate(key.secret, address);
    const ended = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const;
    two.access.onGrantEnded(grant, ({ code }) => ended[0].resolve(code));
    two.access.onPrincipalEnded(principal, ({ code }) => ended[1].resolve(code));
    const asked = performance.now();
    await one.way.transact((state) => revokeGrant(state, { now: Date.now() }, { grant: grant.id }));
    expect(await ended[0].promise).toBe('GRANT_ENDED');
    await one.way.transact((state) => revokeKey(state, { now: Date.now() }, { key: key.id }));
    expect(await ended[1].promise).toBe('UNAUTHENTICATED');
    expect(performance.now() - asked).toBeLessThan(2_000);
  });

  test('grows stale when nothing confirms the state, and says so once each way', async () => {
    await using node = new Node(storage);
    await node.way.ready;
    const { key } = await node.partner();
    node.skew = 30_100;
    node.way.pulse();
    expect(node.stale).toEqual([false, true]);
    expect(() => node.access.authenticate(key.secret, address)).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE' }),
    );
    expect(await node.nextStale()).toBe(false);
    expect(node.access.authenticate(key.secret, address).key).toBe(key.id);
    node.way.pulse();
    expect(node.stale).toEqual([false, true, false]);
  });

  test('reads a state that was recreated anew, and ends what is not in it', async () => {
    await using node = new Node(storage);
    await node.way.ready;
    const { key } = await node.partner();
    const ended = Promise.withResolvers<string>();
    node.access.onPrincipalEnded(node.access.authenticate(key.secret, address), ({ code }) => ended.resolve(code));
    {
      await using log = storage.open();
      await log.deleteTopic('_sluice.applications');
      await log.create('_sluice.applications', { partitions: 1, cleanup: 'compact' });
    }
    expect(await ended.promise).toBe('UNAUTHENTICATED');
    expect(storage.logged.lines).toContain('error The state of record was lost, probably recreated: it is read anew');
    const { key: fresh } = await node.partner();
    expect(node.access.authenticate(fresh.secret, address).key).toBe(fresh.id);
    expect(node.access.state.keys.size).toBe(1);
  });

  test('waits for a log that cannot be had, refuses changes meanwhile, and goes on when it can', async () => {
    const blocked = join(storage.directory, 'blocked');
    await writeFile(blocked, 'a file where the directory should be');
    await using node = new Node(storage, join(blocked, 'state.db'));
    await expect(node.partner()).rejects.toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
    expect(node.stale).toEqual([]);
    await rm(blocked);
    await node.way.ready;
    expect((await node.partner()).grant.state).toBe('ACCEPTED');
  });

  test('can be closed while the log cannot be had', async () => {
    const blocked = join(storage.directory, 'blocked');
    await writeFile(blocked, 'a file where the directory should be');
    const node = new Node(storage, join(blocked, 'state.db'));
    await node[Symbol.asyncDispose]();
    await expect(node.partner()).rejects.toBeInstanceOf(SluiceError);
  });

  test('loses no change of many nodes at once, and every node comes to the same state', async () => {
    await using one = new Node(storage);
    await using two = new Node(storage);
    await Promise.all([one.way.ready, two.way.ready]);
    const made = await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? one : two).partner()));
    for (const node of [one, two]) {
      while (node.access.state.grants.size < 20) await node.nextChange();
      for (const { key } of made) expect(node.access.authenticate(key.secret, address).key).toBe(key.id);
    }
  });
});
