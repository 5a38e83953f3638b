/** The commands as a terminal sees them, over an embedded journal in a file. */

import type { OpenJournal, Out } from '../../src/commands/state.ts';
import { type Application, journalTopics } from '../../src/core/access/index.ts';
import type { Observe } from '../../src/core/observe.ts';
import { createEmbeddedJournal } from '../../src/io/log/embedded/index.ts';
import { createKafkaJournal } from '../../src/io/log/kafka/index.ts';

const silent: Observe = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  counter: () => ({ add: () => {} }),
  gauge: () => ({ set: () => {} }),
};

export function opener(path: string): OpenJournal {
  return async () => {
    const clock = (): number => performance.now();
    const journal = createEmbeddedJournal({
      name: 'test',
      path,
      prefix: '_sluice.',
      topics: journalTopics,
      clock,
      observe: silent,
    });
    return { journal, close: async () => journal[Symbol.asyncDispose]() };
  };
}

/** The same over a state of its own on a Kafka. */
export function kafkaOpener(bootstrap: string, prefix: string): OpenJournal {
  return async () => {
    const journal = createKafkaJournal({
      name: 'test',
      options: { type: 'kafka', brokers: [bootstrap] },
      clientId: 'sluice-test',
      prefix,
      topics: journalTopics,
      clock: () => performance.now(),
      observe: silent,
    });
    return { journal, close: async () => journal[Symbol.asyncDispose]() };
  };
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as the JSON that it must be, whole. */
  json<Answer = Application & Record<string, string>>(): Answer;
}

/** Runs a command function as main.ts does. */
export async function run(command: (out: Out) => Promise<number>): Promise<Ran> {
  const text = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof text) => ({
    write(more: string): void {
      text[name] += more;
    },
  });
  const code = await command({ stdout: stream('stdout'), stderr: stream('stderr') });
  return { code, ...text, json: () => JSON.parse(text.stdout) };
}
