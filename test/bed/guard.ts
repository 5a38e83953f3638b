/** The run's side of its guard (guard-process.ts): starts servers that end with this process, however it ends. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** File that standard output and error are appended to. */
  readonly log: string;
}

export type ToGuard =
  | ({ readonly do: 'spawn'; readonly id: number } & ServerCommand)
  | { readonly do: 'signal'; readonly pid: number; readonly signal: NodeJS.Signals }
  | { readonly do: 'own'; readonly folder: string }
  | { readonly do: 'adopt' | 'release'; readonly pid: number };

export type FromGuard =
  | { readonly did: 'spawn'; readonly id: number; readonly pid?: number; readonly error?: string }
  | { readonly did: 'exit'; readonly pid: number; readonly code: number | null; readonly signal: string | null };

/** A running server. */
export interface Server {
  readonly pid: number;
  /** Resolves when the process has ended, with how. */
  readonly ended: Promise<string>;
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

interface Channel {
  readonly process: ChildProcess;
  readonly gone: Promise<void>;
  /** Answers awaited, by request id. */
  readonly starting: Map<number, { resolve(server: Server): void; reject(error: Error): void }>;
  /** Keeps this process alive until the guard has answered what is awaited. */
  hold<T>(awaited: Promise<T>): Promise<T>;
}

let channel: Channel | undefined;
let lastId = 0;

function open(): Channel {
  if (channel !== undefined) return channel;
  const guard = fork(join(import.meta.dirname, 'guard-process.ts'), [], {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const starting: Channel['starting'] = new Map();
  const running = new Map<number, (how: string) => void>();
  let held = 0;
  const hold = async <T>(awaited: Promise<T>): Promise<T> => {
    if (++held === 1) guard.channel?.ref();
    try {
      return await awaited;
    } finally {
      if (--held === 0) guard.channel?.unref();
    }
  };
  const send = (message: ToGuard): void => void (guard.connected && guard.send(message));
  guard.on('message', (message: FromGuard) => {
    if (message.did === 'exit') {
      running.get(message.pid)?.(message.signal ?? `exit code ${message.code}`);
      running.delete(message.pid);
      return;
    }
    const { pid } = message;
    if (pid === undefined) starting.get(message.id)?.reject(new Error(message.error));
    else {
      const ended = new Promise<string>((resolve) => running.set(pid, resolve));
      const signal = (name: NodeJS.Signals): void => send({ do: 'signal', pid, signal: name });
      const end = async (name: NodeJS.Signals): Promise<void> => {
        signal(name);
        await hold(ended);
      };
      starting.get(message.id)?.resolve({ pid, ended, signal, end });
    }
  });
  const gone = new Promise<void>((resolve) => {
    guard.once('exit', () => {
      if (channel?.process === guard) channel = undefined;
      for (const { reject } of starting.values()) reject(new Error('the guard of the bed has ended'));
      for (const done of running.values()) done('SIGKILL');
      resolve();
    });
  });
  // The guard must not hold the run open: a run that is over ends, and the guard sees its channel close.
  guard.unref();
  guard.channel?.unref();
  channel = { process: guard, gone, starting, hold };
  return channel;
}

/** A folder for servers' files, removed with them. */
export async function serverFolder(stem: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `sluice-${stem}-`));
  ownFolder(folder);
  return folder;
}

/** Has a folder removed when this process ends. */
export function ownFolder(folder: string): void {
  open().process.send({ do: 'own', folder } satisfies ToGuard);
}

/** Has a process that this one started, and its group if it leads one, end with this one at the latest. Call what is returned once it has ended. */
export function adopt(pid: number | undefined): () => void {
  if (pid === undefined) return () => {};
  const { process: guard } = open();
  guard.send({ do: 'adopt', pid } satisfies ToGuard);
  return () => void (guard.connected && guard.send({ do: 'release', pid } satisfies ToGuard));
}

export async function startServer(command: ServerCommand): Promise<Server> {
  const { process: guard, starting, hold } = open();
  const id = ++lastId;
  const answer = new Promise<Server>((resolve, reject) => {
    starting.set(id, { resolve, reject });
    guard.send({ do: 'spawn', id, ...command } satisfies ToGuard);
  });
  return hold(answer.finally(() => starting.delete(id)));
}

/** Ends every server that this process started and waits until all are gone. */
export async function endServers(): Promise<void> {
  if (channel === undefined) return;
  const { process: guard, gone } = channel;
  guard.ref();
  if (guard.connected) guard.disconnect();
  await gone;
}
