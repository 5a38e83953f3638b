/** A fresh checkout that a newcomer stands in: the package as it is, without any data. */
import { cpSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownFolder } from '../bed/guard.ts';
import { freePort } from '../bed/ports.ts';
import { Terminal } from './terminal.ts';

const root = join(import.meta.dirname, '..', '..');

/** What `npm start` printed. */
export interface Greeting {
  readonly url: string;
  readonly key: string;
  /** The line that puts the key into the environment. */
  readonly exportLine: string;
  readonly curlLine: string;
  readonly socketLine: string;
}

export class Checkout {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-checkout-'));

  constructor() {
    ownFolder(this.folder);
    for (const part of ['package.json', '.npmrc', 'src', 'schema'])
      cpSync(join(root, part), join(this.folder, part), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'));
  }

  /** Where the demo keeps its data. */
  get data(): string {
    return join(this.folder, '.sluice');
  }

  /** `npm start` (or another script) on a port of its own. */
  async start(
    options: { port?: number; script?: string; args?: readonly string[]; env?: Record<string, string> } = {},
  ): Promise<Demo> {
    const port = options.port ?? (await freePort());
    const { script = 'start', args = [], env = {} } = options;
    return new Demo('npm', ['run', script, '--', ...args], this.folder, { SLUICE_LISTEN_PORT: `${port}`, ...env });
  }

  /** A line pasted into a shell of this checkout. */
  paste(...lines: readonly string[]): Terminal {
    return new Terminal('bash', ['-c', lines.join('\n')], this.folder);
  }
}

/** `npm start` at a terminal. */
export class Demo extends Terminal {
  async greeting(): Promise<Greeting> {
    await this.prints(/Ctrl-C stops it/);
    const line = (pattern: RegExp): string => pattern.exec(this.stdout)?.[0].trim() ?? 'not printed';
    const exportLine = line(/^ *export SLUICE_API_KEY=.*$/m);
    return {
      url: /running at (http\S+)/.exec(this.stdout)?.[1] ?? 'not printed',
      key: exportLine.split('=')[1] ?? '',
      exportLine,
      curlLine: line(/^ *curl .*$/m),
      socketLine: line(/^ *npx .*$/m),
    };
  }
}
