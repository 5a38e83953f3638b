import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApp, listApps } from '../../src/commands/app.ts';
import { createAppGrant, listGrants, revokeAppGrant } from '../../src/commands/grant.ts';
import { createAppKey, listKeys, revokeAppKey } from '../../src/commands/key.ts';
import type { OpenJournal } from '../../src/commands/state.ts';
import { orders, parcels } from '../access/setting.ts';
import { bed, randomName } from '../bed/index.ts';
import { Storage } from '../log/embedded/storage.ts';
import { kafkaOpener, opener, type Ran, run } from './desk.ts';

let storage: Storage;
let open: OpenJournal;
beforeEach(() => {
  storage = new Storage();
  open = opener(storage.path);
});
afterEach(() => storage[Symbol.dispose]());

const contracts = [orders, parcels];
const app = (name: string, json = true): Promise<Ran> => run((out) => createApp(open, { name, json }, out));
const key = (app: string, more: { expires?: string; json?: boolean } = {}): Promise<Ran> =>
  run((out) => createAppKey(open, { app, json: true, ...more }, out));
const grant = (app: string, product: string, more: Partial<Parameters<typeof createAppGrant>[1]> = {}): Promise<Ran> =>
  run((out) => createAppGrant(open, { app, product, contracts, json: true, ...more }, out));

describe('for a script', () => {
  test('every command prints JSON alone to stdout, and the ids fit together', async () => {
    const application = await app('Acme');
    expect(application.json()).toEqual({
      id: expect.stringMatching(/^app-/),
      name: 'Acme',
      state: 'ACTIVE',
      createdAt: expect.any(String),
    });
    const { id } = application.json();
    const created = (await key(id)).json<Record<string, string>>();
    expect(created).toMatchObject({ application: id, expiresAt: null, revokedAt: null });
    expect(created['secret']?.startsWith(`${created['prefix']}_`)).toBe(true);
    const granted = (await grant(id, 'orders', { roles: ['reader'], hidden: ['total'], replay: 'P1D' })).json<
      Record<string, unknown>
    >();
    expect(granted).toMatchObject({
      application: id,
      product: 'orders',
      plan: 'direct',
      state: 'ACCEPTED',
      roles: ['reader'],
    });
    expect(granted['restrictions']).toEqual({ hidden: ['total'], replay: 'P1D' });

    const apps = await run((out) => listApps(open, { json: true }, out));
    expect(apps.json<unknown[]>()).toEqual([application.json()]);
    const { secret: _, ...listed } = created;
    expect((await run((out) => listKeys(open, { app: id, json: true }, out))).json<unknown[]>()).toEqual([listed]);
    expect((await run((out) => listGrants(open, { app: id, json: true }, out))).json<unknown[]>()).toEqual([granted]);
    expect((await run((out) => listGrants(open, { app: 'app-other', json: true }, out))).json<unknown[]>()).toEqual([]);

    const keyEnd = await run((out) => revokeAppKey(open, { key: created['id'] ?? '', json: true }, out));
    expect(keyEnd.json<Record<string, unknown>>()['revokedAt']).toEqual(expect.any(String));
    const grantEnd = await run((out) => revokeAppGrant(open, { grant: String(granted['id']), json: true }, out));
    expect(grantEnd.json<Record<string, unknown>>()).toMatchObject({ id: granted['id'], state: 'CLOSED' });
  });

  test('nothing secret is ever listed', async () => {
    const { id } = (await app('Acme')).json();
    const { secret } = (await key(id)).json();
    const lists = await Promise.all([
      run((out) => listKeys(open, { json: true }, out)),
      run((out) => listKeys(open, { json: false }, out)),
      run((out) => listApps(open, { json: true }, out)),
    ]);
    for (const { stdout, stderr } of lists) {
      expect(stdout + stderr).not.toContain(secret?.slice(-43));
      expect(stdout + stderr).not.toMatch(/hash|salt/);
    }
  });

  test('what is refused leaves stdout empty, says why on stderr, exits with 1 and writes nothing', async () => {
    const { id } = (await app('Acme')).json();
    const refused: readonly (readonly [Promise<Ran>, string])[] = [
      [app('  '), 'An application needs a name'],
      [key('app-none'), 'There is no application "app-none"'],
      [key(id, { expires: 'soon' }), '"soon" is neither a duration'],
      [key(id, { expires: '2020-01-01T00:00:00Z' }), 'lies in the future'],
      [grant(id, 'nothing'), 'There is no product "nothing"; there are orders, parcels.'],
      [grant(id, 'orders', { rows: '{"nope": {"eq": 1}}' }), 'nope'],
      [grant('app-none', 'orders'), 'There is no application'],
      [run((out) => revokeAppKey(open, { key: 'key-none', json: true }, out)), 'There is no key "key-none"'],
      [run((out) => revokeAppGrant(open, { grant: 'grant-none', json: true }, out)), 'There is no grant "grant-none"'],
    ];
    for (const [ran, why] of refused) {
      const { code, stdout, stderr } = await ran;
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(why);
    }
    expect((await run((out) => listKeys(open, { json: true }, out))).json<unknown[]>()).toEqual([]);
    expect((await run((out) => listGrants(open, { json: true }, out))).json<unknown[]>()).toEqual([]);
  });
});

describe('for people', () => {
  test('sentences say what happened and what comes next', async () => {
    const created = await app('Acme', false);
    const id = /app-\w+/.exec(created.stdout)?.[0] ?? '';
    expect(created.stdout).toBe(`Application ${id} "Acme" is created.\n`);
    expect(created.stderr).toBe(`Next: sluice key create --app ${id}\n`);
    const made = await key(id, { json: false, expires: 'P90D' });
    expect(made.stdout).toMatch(
      /^Key key-\w+ of application app-\w+ is created, good until \d{4}-.*:\n\n {2}slk_\w+_[\w-]{43}\n\nKeep it/,
    );
    const granted = await grant(id, 'orders', { json: false, roles: ['reader'], topics: ['orders/eu'] });
    expect(granted.stdout).toMatch(
      /^Grant grant-\w+: application app-\w+ may use orders as reader, restricted by topics\.\n$/,
    );
    const unchecked = await grant(id, 'unheard-of', { json: false, contracts: null });
    expect(unchecked.stderr).toBe('The contracts are not at hand: "unheard-of" was not looked up.\n');
  });

  test('lists are tables, or say that there is nothing', async () => {
    expect((await run((out) => listApps(open, { json: false }, out))).stdout).toBe('There are no applications.\n');
    expect((await run((out) => listKeys(open, { json: false }, out))).stdout).toBe('There are no keys.\n');
    expect((await run((out) => listGrants(open, { json: false }, out))).stdout).toBe('There are no grants.\n');
    const { id } = (await app('Acme')).json();
    const made = (await key(id)).json<Record<string, string>>();
    await run((out) => revokeAppKey(open, { key: made['id'] ?? '', json: true }, out));
    await grant(id, 'orders');
    const apps = (await run((out) => listApps(open, { json: false }, out))).stdout.split('\n');
    expect(apps[0]).toMatch(/^ID +NAME +STATE +CREATED$/);
    expect(apps[1]).toMatch(new RegExp(`^${id} +Acme +ACTIVE +\\d{4}-`));
    expect((await run((out) => listKeys(open, { json: false }, out))).stdout).toMatch(
      new RegExp(`${made['prefix']}_\\.\\.\\. +revoked \\d{4}-`),
    );
    expect((await run((out) => listGrants(open, { json: false }, out))).stdout).toMatch(
      /orders +direct +ACCEPTED +- +-\n/,
    );
  });
});

describe('processes at once', () => {
  test('lose nothing: a third one lists all that they made', async () => {
    const script = fileURLToPath(new URL('creator.ts', import.meta.url));
    const each = 15;
    const creator = async (): Promise<{ app: string; key: string; grant: string }[]> => {
      const { stdout } = await promisify(execFile)(process.execPath, [script, storage.path, String(each)]);
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    };
    const made = (await Promise.all([creator(), creator()])).flat();
    expect(made).toHaveLength(2 * each);
    const ids = async (list: typeof listGrants | typeof listKeys | typeof listApps) =>
      (await run((out) => list(open, { json: true }, out)))
        .json<{ id: string }[]>()
        .map(({ id }) => id)
        .sort();
    expect(await ids(listApps)).toEqual(made.map(({ app }) => app).sort());
    expect(await ids(listKeys)).toEqual(made.map(({ key }) => key).sort());
    expect(await ids(listGrants)).toEqual(made.map(({ grant }) => grant).sort());
  });

  test('on a real Kafka too, each with a fenced writer of its own', async () => {
    const { bootstrap } = await bed().kafka('4.1.1');
    const open = kafkaOpener(bootstrap, `${randomName('state')}.`);
    const create = async (name: string): Promise<readonly string[]> => {
      const { id } = (await run((out) => createApp(open, { name, json: true }, out))).json();
      const made = (await run((out) => createAppKey(open, { app: id, json: true }, out))).json();
      const given = (
        await run((out) => createAppGrant(open, { app: id, product: 'orders', contracts, json: true }, out))
      ).json();
      await run((out) => revokeAppKey(open, { key: made.id, json: true }, out));
      return [id, made.id, given.id];
    };
    const made = await Promise.all(['one', 'two', 'three'].map(create));
    const listed = await Promise.all([
      run((out) => listApps(open, { json: true }, out)),
      run((out) => listKeys(open, { json: true }, out)),
      run((out) => listGrants(open, { json: true }, out)),
    ]);
    for (const [at, ran] of listed.entries()) {
      const ids = ran.json<{ id: string }[]>().map(({ id }) => id);
      expect(ids.sort()).toEqual(made.map((each) => each[at]).sort());
    }
    const keys = listed[1]?.json<{ revokedAt: string | null }[]>() ?? [];
    expect(keys.every(({ revokedAt }) => revokedAt !== null)).toBe(true);
  });
});
