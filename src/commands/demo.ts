/** What the embedded default has beyond a gateway: one application with a key that stays the same, and lines to paste. */
import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createApplication, createGrant, createKey, newSecret } from '../core/access/index.ts';
import { SluiceError } from '../core/errors.ts';
import type { Gateway } from '../gateway.ts';

const NAME = 'demo';
const SUBSCRIPTION = 'subscription { flights(from: {last: 3}) { cursor topic time } }';

/**
 * The demo's key: kept in `<dataDir>/demo-key`, so that it stays the same even when the data are thrown away; made on the
 * first start. Whatever the state of record lacks of the application, its key and its grants is written.
 */
export async function provisionDemo(dataDir: string, gateway: Gateway): Promise<string> {
  const { state } = gateway;
  const circumstances = { now: Date.now(), random: randomBytes };
  const application = await state.transact((known) => {
    const before = [...known.applications.values()].find(({ name }) => name === NAME);
    return before === undefined ? createApplication(circumstances, { name: NAME }) : { writes: [], answer: before };
  });
  for (const contract of gateway.contracts()) {
    await state.transact((known) => {
      const has = known
        .grantsOf(application.id)
        .some((grant) => grant.apiProduct === contract.product && grant.state === 'ACCEPTED');
      if (has) return { writes: [], answer: null };
      return createGrant(
        known,
        circumstances,
        { application: application.id, product: contract.product },
        gateway.contracts(),
      );
    });
  }
  const file = join(dataDir, 'demo-key');
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim();
  const isKnown = async (secret: string): Promise<boolean> => {
    if (gateway.knowsKey(secret)) return true;
    try {
      await state.transact((known) => createKey(known, circumstances, { application: application.id, secret }));
      return true;
    } catch (thrown) {
      // It was revoked, or is none; or another process that shares the data has just created it.
      if (thrown instanceof SluiceError && thrown.details.path === 'secret') return gateway.knowsKey(secret);
      throw thrown;
    }
  };
  if (kept !== '' && (await isKnown(kept))) return kept;
  const secret = await keep(file, newSecret(randomBytes), kept);
  await isKnown(secret);
  return secret;
}

/** Puts the key into its file, unless another process has been quicker: then its key is the one. `instead`: what is to go. */
async function keep(file: string, secret: string, instead: string): Promise<string> {
  const fresh = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    if (instead !== '') await rm(file, { force: true });
    // Written aside and linked: whole or not at all.
    await writeFile(fresh, `${secret}\n`, { mode: 0o600 });
    await link(fresh, file);
    return secret;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EEXIST') return (await readFile(file, 'utf8')).trim();
    throw new SluiceError(
      'UNAVAILABLE',
      `The demo's key cannot be kept in ${file} (${code}): make its folder writable for this user and free space on its disk.`,
      { cause: thrown },
    );
  } finally {
    await rm(fresh, { force: true }).catch(() => {});
  }
}

/** What a newcomer sees: the URL, the key, one line for curl and one for a WebSocket, which work when pasted. */
export function greeting(url: string, key: string): string {
  const query = JSON.stringify({ query: SUBSCRIPTION });
  const socket = [
    `import('graphql-ws').then(({ createClient }) => createClient({ url: '${url.replace(/^http/, 'ws')}/graphql',`,
    ' connectionParams: { apiKey: process.env.SLUICE_API_KEY } })',
    `.subscribe({ query: '${SUBSCRIPTION}' },`,
    ' { next: console.log, error: console.error, complete() {} }))',
  ].join('');
  return `
Sluice is running at ${url}

  export SLUICE_API_KEY=${key}

Events by curl:

  curl -N ${url}/graphql -H "Authorization: Bearer $SLUICE_API_KEY" -H 'Accept: text/event-stream' -H 'Content-Type: application/json' -d '${query}'

Events by WebSocket:

  npx node -e "${socket}"

Ctrl-C stops it.
`;
}
