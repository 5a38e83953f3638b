/** The workflow of deploy/ci, its own commands, on the contracts of a base branch and of a change. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { contractText, type ProductSpec, type RunResult } from './node.ts';
import { readings } from './producer.ts';

interface Step {
  readonly name?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly if?: string;
}

const repository = join(import.meta.dirname, '..', '..');
const workflow = parse(readFileSync(join(repository, 'deploy', 'ci', 'github-contracts.yaml'), 'utf8')) as {
  readonly on: Readonly<Record<string, unknown>>;
  readonly jobs: Readonly<Record<'check' | 'publish', { readonly steps: readonly Step[] }>>;
};
const base = readings();
const { required = Object.keys(base.fields) } = base;
const text = (version: string, ...more: readonly string[]): string => {
  const fields = { ...base.fields, ...Object.fromEntries(more.map((name) => [name, 'string'])) };
  return contractText({ ...base, version, fields, required } satisfies ProductSpec);
};

/** A runner's workspace, whose steps are run as GitHub runs them: each in a bash of its own that ends with the first failure. */
class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-ci-'));
  readonly #added = join(this.folder, 'path');
  readonly summary = join(this.folder, 'summary');

  constructor(files: Readonly<Record<string, string>>) {
    // The checkout of Sluice, whose packages are installed already.
    symlinkSync(repository, join(this.folder, 'sluice'));
    for (const file of [this.#added, this.summary]) writeFileSync(file, '');
    for (const [name, content] of Object.entries(files)) this.put(name, content);
  }

  put(name: string, content: string): void {
    mkdirSync(dirname(join(this.folder, name)), { recursive: true });
    writeFileSync(join(this.folder, name), content);
  }

  read(name: string): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  async run({ run = '', shell }: Step): Promise<RunResult> {
    const added = readFileSync(this.#added, 'utf8').split('\n').filter(Boolean);
    const flags = shell === 'bash' ? ['--noprofile', '--norc', '-eo', 'pipefail'] : ['-e'];
    const child = spawn('bash', [...flags, '-c', run], {
      cwd: this.folder,
      env: {
        ...process.env,
        PATH: [...added, process.env['PATH']].join(delimiter),
        GITHUB_PATH: this.#added,
        GITHUB_STEP_SUMMARY: this.summary,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk) => {
        said[name] += chunk;
      });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, ...said };
  }

  /** The steps of a job that run something of Sluice, until one fails: their names with exit codes. */
  async job(name: 'check' | 'publish'): Promise<readonly (readonly [string, number | null])[]> {
    const codes: (readonly [string, number | null])[] = [];
    for (const step of workflow.jobs[name].steps) {
      if (step.name !== 'Put it on the path' && step.run?.includes('sluice contracts') !== true) continue;
      const { code, stderr } = await this.run(step);
      expect(stderr).not.toContain('command not found');
      codes.push([step.name ?? '', code]);
      if (code !== 0) break;
    }
    return codes;
  }
}

describe('the example workflow', () => {
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  test('runs on pull requests and pushes, and puts no text of a pull request into a script', () => {
    expect(Object.keys(workflow.on)).toEqual(['pull_request', 'push']);
    for (const { run = '' } of steps) expect(run).not.toContain('${{');
  });

  test('tells what it found also where that is a broken promise', () => {
    const tell = workflow.jobs.check.steps.at(-1);
    expect(tell?.if).toContain('!cancelled()');
    expect(tell?.run).toContain('--body-file comment.md');
  });

  test('passes a compatible change, with a comment', async () => {
    const workspace = new Workspace({
      'base/contracts/readings.odcs.yaml': text('1.0.0'),
      'head/contracts/readings.odcs.yaml': text('1.1.0', 'note'),
    });
    expect(await workspace.job('check')).toEqual([
      ['Put it on the path', 0],
      ['Lint', 0],
      ['Compare with the base branch', 0],
    ]);
    expect(workspace.read('comment.md')).toContain('### readings 1.0.0 -&#62; 1.1.0: compatible');
  });

  test('fails a change that breaks a promise, with a comment, and passes the first contracts of all', async () => {
    const workspace = new Workspace({
      'base/contracts/readings.odcs.yaml': text('1.0.0', 'note'),
      'head/contracts/readings.odcs.yaml': text('1.1.0'),
    });
    expect((await workspace.job('check')).at(-1)).toEqual(['Compare with the base branch', 1]);
    expect(workspace.read('comment.md')).toContain(
      '| **breaking for readers** | the field "note" is no longer there |',
    );
    const first = new Workspace({ 'base/README.md': '', 'head/contracts/readings.odcs.yaml': text('1.0.0') });
    expect((await first.job('check')).at(-1)).toEqual(['Compare with the base branch', 0]);
  });

  test('fails a contract that is wrong before it compares it', async () => {
    const workspace = new Workspace({ 'head/contracts/readings.odcs.yaml': 'name: [1' });
    expect((await workspace.job('check')).at(-1)).toEqual(['Lint', 1]);
  });

  test('publishes what breaks nothing, and stops at a plan that does', async () => {
    const workspace = new Workspace({
      'contracts/readings.odcs.yaml': text('1.0.0', 'note'),
      'sluice.yaml': 'clusters:\n  main: {type: embedded, path: ./main.db}\n',
    });
    const all = ['Put it on the path', 'Lint', 'Plan', 'Accept'].map((name) => [name, 0]);
    expect(await workspace.job('publish')).toEqual(all);
    expect(readFileSync(workspace.summary, 'utf8')).toContain('### readings 1.0.0: new');
    workspace.put('contracts/readings.odcs.yaml', text('1.1.0'));
    const path = workflow.jobs.publish.steps.find(({ name }) => name === 'Plan');
    expect((await workspace.run(path as Step)).code).toBe(1);
    expect(readFileSync(workspace.summary, 'utf8')).toContain('**breaking for readers**');
  });
});
