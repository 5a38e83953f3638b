/** `sluice grant`: which applications may see which data products. */
import { randomBytes } from 'node:crypto';
import { createGrant, type GrantRecord, revokeGrant } from '../core/access/index.ts';
import type { Contract } from '../core/contract/index.ts';
import { moment, type OpenJournal, type Out, printJson, printTable, type Shown, withState } from './state.ts';

const shown = ({ id, application, apiProduct, plan, roles, restrictions, state, createdAt, endedAt }: GrantRecord) => ({
  id,
  application,
  product: apiProduct,
  plan,
  roles,
  restrictions,
  state,
  createdAt: moment(createdAt),
  endedAt: endedAt === null ? null : moment(endedAt),
});

export interface CreateGrantArguments extends Shown {
  readonly app: string;
  /** With its major: `flights`, `flights-v2`. */
  readonly product: string;
  readonly roles?: readonly string[] | undefined;
  /** Topic filters of which one must match. */
  readonly topics?: readonly string[] | undefined;
  /** Dotted public paths of fields that it is not to see. */
  readonly hidden?: readonly string[] | undefined;
  /** A `where` as JSON. */
  readonly rows?: string | undefined;
  /** How far it may replay, such as P1D. */
  readonly replay?: string | undefined;
  /** Contracts in force, to check the product and the restrictions against; null where they are not at hand. */
  readonly contracts: readonly Contract[] | null;
}

/** `sluice grant create --app ID --product NAME [restrictions]` */
export function createAppGrant(open: OpenJournal, args: CreateGrantArguments, out: Out): Promise<number> {
  return withState(open, out, async (desk) => {
    const circumstances = { now: Date.now(), random: randomBytes };
    const request = {
      application: args.app,
      product: args.product,
      roles: args.roles ?? [],
      restrictions: restrictionsOf(args),
    };
    const grant = await desk.change((state) => createGrant(state, circumstances, request, args.contracts));
    if (args.contracts === null)
      out.stderr.write(`The contracts are not at hand: "${grant.apiProduct}" was not looked up.\n`);
    if (args.json) return printJson(out, shown(grant));
    out.stdout.write(
      `Grant ${grant.id}: application ${grant.application} may use ${grant.apiProduct}${limits(grant)}.\n`,
    );
  });
}

export interface ListGrantsArguments extends Shown {
  readonly app?: string | undefined;
}

/** `sluice grant list [--app ID]` */
export function listGrants(open: OpenJournal, args: ListGrantsArguments, out: Out): Promise<number> {
  return withState(open, out, async ({ state }) => {
    const all = [...state.grants.values()].filter((grant) => args.app === undefined || grant.application === args.app);
    const grants = all.sort((a, b) => a.createdAt - b.createdAt);
    if (args.json) return printJson(out, grants.map(shown));
    const rows = grants.map((grant) => [
      grant.id,
      grant.application,
      grant.apiProduct,
      grant.plan,
      grant.state,
      grant.roles.join(',') || '-',
      Object.keys(grant.restrictions).join(',') || '-',
    ]);
    const columns = ['id', 'application', 'product', 'plan', 'state', 'roles', 'restricted by'];
    printTable(out, columns, rows, 'There are no grants.');
  });
}

/** `sluice grant revoke --grant ID` */
export function revokeAppGrant(open: OpenJournal, args: Shown & { readonly grant: string }, out: Out): Promise<number> {
  return withState(open, out, async (desk) => {
    const grant = await desk.change((state) => revokeGrant(state, { now: Date.now() }, args));
    if (args.json) return printJson(out, shown(grant));
    out.stdout.write(
      `Grant ${grant.id} is closed: application ${grant.application} no longer has ${grant.apiProduct}.\n`,
    );
  });
}

function restrictionsOf({ topics, hidden, rows, replay }: CreateGrantArguments): GrantRecord['restrictions'] {
  return {
    ...(topics === undefined || topics.length === 0 ? {} : { topics: [...topics] }),
    ...(hidden === undefined || hidden.length === 0 ? {} : { hidden: [...hidden] }),
    ...(rows === undefined ? {} : { rows }),
    ...(replay === undefined ? {} : { replay }),
  };
}

function limits({ roles, restrictions }: GrantRecord): string {
  const named = roles.length === 0 ? '' : ` as ${roles.join(', ')}`;
  const restricted = Object.keys(restrictions);
  return `${named}${restricted.length === 0 ? '' : `, restricted by ${restricted.join(', ')}`}`;
}
