/** `sluice generate client`: whole or not at all, whatever it is asked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { adopt } from '../bed/guard.ts';
import { generatorFolder } from '../bed/index.ts';
import { contractText, run } from '../gateway/node.ts';

const root = new URL('../../', import.meta.url).pathname;
const demo = join(root, 'schema/contracts');
let generator: string;

beforeAll(async () => {
  generator = await generatorFolder();
});

const parent = (): string => mkdtempSync(join(tmpdir(), 'sluice-command-'));

function generate(out: string, options: Readonly<Record<string, string>> = {}): ReturnType<typeof run> {
  const given = { product: 'flights', language: 'typescript', contracts: demo, generator, out, ...options };
  return run(['generate', 'client', ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, value])], root);
}

/** What processes took that this one started and that have ended, and those that they started. */
function secondsOfChildren(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  // In hundredths, of the program and of the kernel for it.
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Every file of a folder and what is in it. */
function contents(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]),
  );
}

describe('sluice generate client', () => {
  test.each(['typescript', 'python', 'java', 'dart'])(
    'writes a %s client within 15 s, the same each time',
    async (language) => {
      const folder = parent();
      const began = secondsOfChildren();
      const first = await generate(join(folder, 'one'), { language });
      expect(first).toMatchObject({ code: 0, stdout: '' });
      // Of a processor: the machine may be busy with something else.
      expect(secondsOfChildren() - began).toBeLessThan(15);
      expect(first.stderr).toBe(`flights: a ${language} client is being generated\n${join(folder, 'one')}: written\n`);
      mkdirSync(join(folder, 'two'));
      expect(await generate(join(folder, 'two'), { language })).toMatchObject({ code: 0 });
      const [one, two] = [contents(join(folder, 'one')), contents(join(folder, 'two'))];
      expect(Object.keys(one).length).toBeGreaterThanOrEqual(3);
      expect(two).toEqual(one);
      expect(readdirSync(folder).sort()).toEqual(['one', 'two']);
    },
  );

  test('names what is wrong with what it is asked, and writes nothing', async () => {
    const folder = parent();
    const out = join(folder, 'client');
    const mute = join(folder, 'mute');
    mkdirSync(mute);
    const silent = { name: 'silent', topic: 'silent', template: 'silent', fields: { id: 'string' } };
    writeFileSync(join(mute, 'silent.odcs.yaml'), contractText({ ...silent, operations: '[{kind: query}]' }));
    const odd = { ...silent, name: 'odd', type: 'OddEvent', fields: { id: 'string', hasOwnProperty: 'string' } };
    writeFileSync(join(mute, 'odd.odcs.yaml'), contractText({ ...odd, topic: 'odd', template: 'odd' }));
    const broken = join(folder, 'broken');
    cpSync(demo, broken, { recursive: true });
    writeFileSync(join(broken, 'worse.odcs.yaml'), 'kind: DataContract\nname: 7\n');
    const full = join(folder, 'full');
    mkdirSync(full);
    writeFileSync(join(full, 'mine.txt'), 'mine');
    const cases: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
      [{ language: 'cobol' }, '--language cobol: expected one of typescript, python, java, dart'],
      [{ language: 'constructor' }, '--language constructor: expected one of typescript, python, java, dart'],
      [{ product: 'nothing' }, 'has no such product; there are earthquakes, flights'],
      [{ product: 'silent', contracts: mute }, 'the contract allows no subscriptions, and clients subscribe'],
      [{ product: 'odd', contracts: mute }, 'odd: Odd.hasOwnProperty: generators of clients cannot read'],
      [{ contracts: broken }, 'worse.odcs.yaml'],
      [{ url: 'ftp://example.com' }, "--url ftp://example.com: expected the gateway's address"],
      [{ out: full }, `--out ${full}: is not empty`],
      [{ out: join(full, 'mine.txt') }, 'is no folder'],
      [{ generator: folder }, 'npm ci --ignore-scripts --prefix'],
      [{ timeout: '0' }, 'Expected seconds'],
    ];
    for (const [options, words] of cases) {
      const { code, stderr, stdout } = await generate(options['out'] ?? out, options);
      const expected = options['timeout'] === undefined ? 1 : 2;
      expect({ code, stdout, options }).toEqual({ code: expected, stdout: '', options });
      expect(stderr).toContain(words);
      expect(stderr).not.toMatch(/\n {4}at /);
    }
    expect(readdirSync(folder).sort()).toEqual(['broken', 'full', 'mute']);
    expect(readFileSync(join(full, 'mine.txt'), 'utf8')).toBe('mine');
  });

  test('ends a generator that takes too long, and tells of one that fails, and leaves nothing of either', async () => {
    const folder = parent();
    const slow = await generate(join(folder, 'client'), { timeout: '0.3' });
    expect(slow).toMatchObject({ code: 1, stderr: expect.stringContaining('The generator was ended after 0.3 s.') });
    // A generator without its dependencies.
    const bare = join(folder, 'bare');
    const at = 'node_modules/@asyncapi/generator';
    cpSync(join(generator, at), join(bare, at), { recursive: true });
    const failed = await generate(join(folder, 'client'), { generator: bare });
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/The generator failed:.*Cannot find module/s),
    });
    expect(readdirSync(folder)).toEqual(['bare']);
  });

  test('leaves nothing when it is interrupted', async () => {
    const folder = parent();
    const options = ['--product', 'flights', '--language', 'typescript', '--out', join(folder, 'client')];
    const child = spawn(process.execPath, ['src/main.ts', 'generate', 'client', ...options, '--generator', generator], {
      cwd: root,
    });
    const release = adopt(child.pid);
    await once(child.stderr, 'data');
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number];
    release();
    expect(code).toBe(130);
    expect(existsSync(join(folder, 'client'))).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });
});
