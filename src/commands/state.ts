/** What the commands that look at the state of record or change it share: they follow the journal themselves, beside whatever gateways run. */
import { type Decision, State } from '../core/access/index.ts';
import { AcceptedContracts } from '../core/contract/index.ts';
import { SluiceError } from '../core/errors.ts';
import { type Journal, LogError } from '../core/log/index.ts';

/** How main.ts hands the journal over; opened once per command. */
export type OpenJournal = () => Promise<{ readonly journal: Journal; close(): Promise<void> }>;

export interface Out {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** What every command takes beside its own arguments. */
export interface Shown {
  /** JSON alone on stdout. */
  readonly json: boolean;
}

export interface Desk {
  /** As of the moment the journal was opened; newer inside `change`. */
  readonly state: State;
  /** Contracts that were accepted; as of the same moment. */
  readonly accepted: AcceptedContracts;
  /** Decides on the newest state and resolves when what it wrote is durable. */
  change<Answer>(decide: (state: State) => Decision<Answer>): Promise<Answer>;
}

/** A person waits for the answer, unlike a gateway, which waits for its cluster for ever. */
const patienceMs = 30_000;

/**
 * Runs `use` on the state of record and resolves with the exit code: 0, or 1 when it was refused or the journal could not be
 * had, which is said on stderr.
 */
export async function withState(open: OpenJournal, out: Out, use: (desk: Desk) => Promise<void>): Promise<number> {
  const { journal, close } = await open();
  const giveUp = Promise.withResolvers<never>();
  const patience = setTimeout(() => giveUp.reject(outOfPatience()), patienceMs);
  try {
    await Promise.race([follow(journal, use, giveUp.reject), giveUp.promise]);
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof SluiceError) && !(thrown instanceof LogError)) throw thrown;
    out.stderr.write(`${thrown.message}\n`);
    return 1;
  } finally {
    clearTimeout(patience);
    await close();
  }
}

async function follow(
  journal: Journal,
  use: (desk: Desk) => Promise<void>,
  lost: (error: Error) => void,
): Promise<void> {
  const state = new State();
  const accepted = new AcceptedContracts();
  await using following = await journal.follow((record) => {
    state.apply(record, () => undefined);
    accepted.apply(record);
  }, lost);
  await use({ state, accepted, change: (decide) => journal.transact(following, () => decide(state)) });
}

function outOfPatience(): LogError {
  return new LogError(
    'UNAVAILABLE',
    `The state of record did not answer within ${patienceMs / 1000} s: does the cluster that "state" names run?`,
  );
}

/** Text of a moment (epoch ms) as the command line shows it. */
export function moment(ms: number): string {
  return new Date(ms).toISOString();
}

export function printJson(out: Out, value: unknown): void {
  out.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Columns under their names, or `none` where there are no rows. Control characters in names would write to the reader's terminal. */
export function printTable(
  out: Out,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  none: string,
): void {
  if (rows.length === 0) {
    out.stdout.write(`${none}\n`);
    return;
  }
  const cells = [columns.map((column) => column.toUpperCase()), ...rows].map((row) =>
    row.map((cell) => cell.replace(/\p{Cc}/gu, '?')),
  );
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  out.stdout.write(`${lines.join('\n')}\n`);
}
