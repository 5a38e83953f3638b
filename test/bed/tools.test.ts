import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ask } from './ask.ts';
import { cached } from './cache.ts';
import { MissingTool, programOf, run } from './command.ts';
import { chromiumPath, kafkaVersions, odcsSchemaPath, randomName, runJava } from './index.ts';

describe('the tools of the bed', () => {
  test.each(kafkaVersions)('a Java program runs on the jars of Kafka %s', async (version) => {
    const { stdout } = await runJava(version, join(import.meta.dirname, 'Greeting.java'), ['flight-1', 'ü']);
    const [says, ...keys] = stdout.trim().split('\n');
    expect(says).toBe(version);
    expect(keys).toEqual([expect.stringMatching(/^flight-1 \d+$/), expect.stringMatching(/^ü \d+$/)]);
  });

  test('the standard’s JSON Schema is the one of ODCS v3.2.0', async () => {
    const schema = JSON.parse(readFileSync(await odcsSchemaPath(), 'utf8')) as Record<string, unknown>;
    expect(schema['required']).toEqual(expect.arrayContaining(['version', 'apiVersion', 'kind', 'id']));
    expect(JSON.stringify(schema)).toContain('v3.2.0');
  });

  test('there is a Chromium', async () => {
    expect(execFileSync(await chromiumPath(), ['--version'], { encoding: 'utf8' })).toMatch(/^Chrom/);
  });

  test('what is missing fails with the command that installs it', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '';
    try {
      await expect(programOf('redis-server', 'redis-server')).rejects.toThrow(MissingTool);
      await expect(programOf('redis-server', 'redis-server')).rejects.toThrow('apt-get install -y redis-server');
    } finally {
      process.env['PATH'] = path;
    }
  });
});

describe('the cache', () => {
  test('makes an entry once, whole, however many ask at the same time', async () => {
    const name = randomName('test');
    const make = async (folder: string): Promise<void> => {
      await run('sh', ['-c', 'echo half > text; sleep 0.2; echo whole > text'], { cwd: folder });
    };
    const folders = await Promise.all([cached(name, make), cached(name, make), cached(name, make)]);
    expect(new Set(folders).size).toBe(1);
    expect(readFileSync(join(folders[0] ?? '', 'text'), 'utf8')).toBe('whole\n');
    await cached(name, () => Promise.reject(new Error('made twice')));
    await run('rm', ['-r', folders[0] ?? '']);
  });

  test('keeps nothing of what could not be made', async () => {
    const name = randomName('test');
    await expect(cached(name, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
    const folder = await cached(name, async () => {});
    await run('rm', ['-r', folder]);
  });
});

test('npm run bed prints addresses and ends its servers on Ctrl-C', async () => {
  const bed = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  bed.stdout.setEncoding('utf8');
  while (!/Up in [\d.]+ s/.test(printed)) printed += String((await once(bed.stdout, 'data'))[0]);
  expect(printed).toMatch(/Kafka 4\.1\.1 {2}127\.0\.0\.1:\d+ {2}cluster \S+/);
  expect(printed).toMatch(/Kafka 3\.9\.1 {2}127\.0\.0\.1:\d+ {2}cluster \S+/);
  const redis = /redis:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1] ?? expect.fail('no Redis');
  expect(await ask(Number(redis), 'PING\r\n')).toBe('+PONG\r\n');
  bed.kill('SIGINT');
  expect((await once(bed, 'exit'))[0]).toBe(0);
  await expect(ask(Number(redis), 'PING\r\n')).rejects.toThrow('ECONNREFUSED');
});
