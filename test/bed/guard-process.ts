/**
 * The guard: a process of its own that starts the servers of one run and outlives the run by as long as it takes to end
 * them. It is the servers' parent, so their pids stay theirs, and its channel to the run closes however the run ends,
 * `kill -9` included. Then, or when told to, it kills the process groups of all it started and removes their folders.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import type { FromGuard, ToGuard } from './guard.ts';

const servers = new Map<number, ChildProcess>();
/** Processes that the run started itself. */
const adopted = new Set<number>();
const folders = new Set<string>();
let ending = false;

const tell = (message: FromGuard): void => {
  if (process.connected) process.send?.(message, () => {});
};

function start(message: ToGuard & { do: 'spawn' }): void {
  const log = openSync(message.log, 'a');
  const child = spawn(message.program, message.args, {
    cwd: message.cwd,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.once('error', (error) => tell({ did: 'spawn', id: message.id, error: error.message }));
  const { pid } = child;
  if (pid === undefined) return;
  servers.set(pid, child);
  child.once('exit', (code, signal) => {
    servers.delete(pid);
    tell({ did: 'exit', pid, code, signal });
    if (ending) leaveWhenAllEnded();
  });
  tell({ did: 'spawn', id: message.id, pid });
}

function end(): void {
  if (ending) return;
  ending = true;
  for (const pid of servers.keys()) signalGroup(pid, 'SIGKILL');
  for (const pid of adopted) killAdopted(pid);
  leaveWhenAllEnded();
}

function leaveWhenAllEnded(): void {
  if (servers.size > 0) return;
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (!servers.has(pid)) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended by itself a moment ago; its exit is on the way.
  }
}

/** One that leads a group goes with its group. */
function killAdopted(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
      return;
    } catch {
      // It leads no group, or it has ended.
    }
  }
}

process.on('message', (message: ToGuard) => {
  if (message.do === 'spawn' && !ending) start(message);
  else if (message.do === 'signal') signalGroup(message.pid, message.signal);
  else if (message.do === 'own') folders.add(message.folder);
  else if (message.do === 'adopt') adopted.add(message.pid);
  else if (message.do === 'release') adopted.delete(message.pid);
});
process.on('disconnect', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
