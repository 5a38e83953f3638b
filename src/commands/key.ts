/** `sluice key`: the API keys of applications. */
import { randomBytes } from 'node:crypto';
import { createKey, type KeyRecord, revokeKey } from '../core/access/index.ts';
import { durationMs } from '../core/contract/index.ts';
import { SluiceError } from '../core/errors.ts';
import { moment, type OpenJournal, type Out, printJson, printTable, type Shown, withState } from './state.ts';

/** Everything but the hash. */
const shown = ({ id, application, prefix, createdAt, expiresAt, revokedAt }: KeyRecord) => ({
  id,
  application,
  prefix,
  createdAt: moment(createdAt),
  expiresAt: expiresAt === null ? null : moment(expiresAt),
  revokedAt: revokedAt === null ? null : moment(revokedAt),
});

export interface CreateKeyArguments extends Shown {
  readonly app: string;
  /** A duration from now (`P90D`) or a date and time (`2027-01-01T00:00:00Z`); default: never. */
  readonly expires?: string | undefined;
}

/** `sluice key create --app ID [--expires WHEN]`: the secret goes to stdout, this once. */
export function createAppKey(open: OpenJournal, args: CreateKeyArguments, out: Out): Promise<number> {
  return withState(open, out, async (desk) => {
    const now = Date.now();
    const request = { application: args.app, expiresAt: expiryOf(args.expires, now) };
    const key = await desk.change((state) => createKey(state, { now, random: randomBytes }, request));
    if (args.json) return printJson(out, { ...shown(key), secret: key.secret });
    const until = key.expiresAt === null ? '' : `, good until ${moment(key.expiresAt)}`;
    out.stdout.write(`Key ${key.id} of application ${key.application} is created${until}:\n\n  ${key.secret}\n\n`);
    out.stdout.write('Keep it: it is shown this once, and only its hash is stored.\n');
  });
}

export interface ListKeysArguments extends Shown {
  readonly app?: string | undefined;
}

/** `sluice key list [--app ID]` */
export function listKeys(open: OpenJournal, args: ListKeysArguments, out: Out): Promise<number> {
  return withState(open, out, async ({ state }) => {
    const all = [...state.keys.values()].filter((key) => args.app === undefined || key.application === args.app);
    const keys = all.sort((a, b) => a.createdAt - b.createdAt);
    if (args.json) return printJson(out, keys.map(shown));
    const now = Date.now();
    const rows = keys.map((key) => [
      key.id,
      key.application,
      `${key.prefix}_...`,
      stateOf(key, now),
      moment(key.createdAt),
    ]);
    printTable(out, ['id', 'application', 'key', 'state', 'created'], rows, 'There are no keys.');
  });
}

/** `sluice key revoke --key ID`; the visible prefix does as well. */
export function revokeAppKey(open: OpenJournal, args: Shown & { readonly key: string }, out: Out): Promise<number> {
  return withState(open, out, async (desk) => {
    const key = await desk.change((state) => revokeKey(state, { now: Date.now() }, args));
    if (args.json) return printJson(out, shown(key));
    out.stdout.write(`Key ${key.id} (${key.prefix}) of application ${key.application} is revoked.\n`);
  });
}

function stateOf(key: KeyRecord, now: number): string {
  if (key.revokedAt !== null) return `revoked ${moment(key.revokedAt)}`;
  if (key.expiresAt === null) return 'good';
  return `${key.expiresAt <= now ? 'expired' : 'good until'} ${moment(key.expiresAt)}`;
}

/** Epoch ms; null: never. */
function expiryOf(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const duration = durationMs(text);
  const at = duration === null ? Date.parse(text) : now + duration;
  if (Number.isNaN(at)) {
    throw new SluiceError(
      'BAD_REQUEST',
      `"${text}" is neither a duration such as P90D nor a date such as 2027-01-01T00:00:00Z.`,
    );
  }
  return at;
}
