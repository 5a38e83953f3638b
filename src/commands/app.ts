/** `sluice app`: partners' applications. */
import { randomBytes } from 'node:crypto';
import { type ApplicationRecord, createApplication } from '../core/access/index.ts';
import { moment, type OpenJournal, type Out, printJson, printTable, type Shown, withState } from './state.ts';

const shown = ({ id, name, state, createdAt }: ApplicationRecord) => ({
  id,
  name,
  state,
  createdAt: moment(createdAt),
});

/** `sluice app create --name NAME` */
export function createApp(open: OpenJournal, args: Shown & { readonly name: string }, out: Out): Promise<number> {
  return withState(open, out, async (desk) => {
    const circumstances = { now: Date.now(), random: randomBytes };
    const application = await desk.change(() => createApplication(circumstances, args));
    if (args.json) return printJson(out, shown(application));
    out.stdout.write(`Application ${application.id} "${application.name}" is created.\n`);
    out.stderr.write(`Next: sluice key create --app ${application.id}\n`);
  });
}

/** `sluice app list` */
export function listApps(open: OpenJournal, args: Shown, out: Out): Promise<number> {
  return withState(open, out, async ({ state }) => {
    const applications = [...state.applications.values()].sort((a, b) => a.createdAt - b.createdAt).map(shown);
    if (args.json) return printJson(out, applications);
    const rows = applications.map(({ id, name, state: is, createdAt }) => [id, name, is, createdAt]);
    printTable(out, ['id', 'name', 'state', 'created'], rows, 'There are no applications.');
  });
}
