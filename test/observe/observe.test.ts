/** Logs and metrics as an operator receives them: the lines of a process, the text of a scrape, the body of a push. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createObserve } from '../../src/io/observe/index.ts';
import { freePort } from '../bed/ports.ts';

const module_ = new URL('../../src/io/observe/index.ts', import.meta.url).href;
const quiet = { level: 'silent', pretty: false, host: '127.0.0.1' };

/** Runs a few lines with an `observe` in a process of their own. */
function logging(
  options: { level?: string; pretty?: boolean; worker?: { number: number } },
  lines: string,
): Promise<{ out: string; err: string }> {
  const all = { level: 'info', pretty: false, metricsPort: null, otlp: null, host: '127.0.0.1', ...options };
  const program = `
    import { createObserve } from '${module_}';
    const options = ${JSON.stringify(all)};
    if (options.worker !== undefined) options.worker.take = () => {};
    const observe = await createObserve(options);
    ${lines}
    await observe[Symbol.asyncDispose]();`;
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '--eval', program], (error, out, err) => {
      if (error === null) resolve({ out, err });
      else reject(error);
    });
  });
}

describe('of a worker', () => {
  test('its log lines carry its number', async () => {
    const { err } = await logging({ worker: { number: 3 } }, `observe.info('here');`);
    expect(JSON.parse(err)).toMatchObject({ msg: 'here', name: 'sluice', worker: 3 });
  });

  test('its metrics are handed over once a second and at the end, and exported by whoever absorbs them', async () => {
    const metricsPort = await freePort();
    await using parent = await createObserve({ ...quiet, metricsPort, otlp: null });
    const scrape = async (): Promise<string> => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    parent.counter('sluice_records_read_total', { product: 'flights' }).add(100);
    const handed = Promise.withResolvers<void>();
    const workers = await Promise.all(
      [1, 2].map((number) =>
        createObserve({
          ...quiet,
          metricsPort: null,
          otlp: null,
          worker: {
            number,
            take(figures) {
              // As it travels between processes.
              parent.absorb(number, JSON.parse(JSON.stringify(figures)));
              handed.resolve();
            },
          },
        }),
      ),
    );
    for (const [i, worker] of workers.entries()) {
      worker.counter('sluice_records_read_total', { product: 'flights' }).add(i + 1);
      worker.counter('sluice_errors_total', { code: 'INTERNAL' });
      worker.gauge('sluice_subscriptions', { product: 'flights' }).set(10 * (i + 1));
      worker.gauge('sluice_cluster_up', { cluster: 'main' }).set(1);
    }
    await handed.promise;
    for (const worker of workers) {
      worker.counter('sluice_records_read_total', { product: 'flights' }).add(1);
      await worker[Symbol.asyncDispose]();
    }
    const text = await scrape();
    expect(text).toMatch(/^sluice_records_read_total\{product="flights"[^}]*\} 105/m);
    expect(text).toMatch(/^sluice_errors_total\{code="INTERNAL"[^}]*\} 0/m);
    expect(text).toMatch(/^sluice_subscriptions\{product="flights",worker="1"[^}]*\} 10/m);
    expect(text).toMatch(/^sluice_subscriptions\{product="flights",worker="2"[^}]*\} 20/m);
    // The cluster is the parent's to tell of.
    expect(text).not.toContain('sluice_cluster_up');
    parent.forget(1);
    expect(await scrape()).toMatch(/^sluice_subscriptions\{product="flights",worker="1"[^}]*\} 0/m);
    expect(await scrape()).toMatch(/^sluice_subscriptions\{product="flights",worker="2"[^}]*\} 20/m);
  });
});

describe('logs', () => {
  test('are a JSON object a line on stderr, with time, level, message, fields, and errors with their stack', async () => {
    const { out, err } = await logging(
      {},
      `observe.info('first', { product: 'flights' }); observe.error('second', { error: new Error('why') });`,
    );
    expect(out).toBe('');
    const [first, second, ...more] = err
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(more).toEqual([]);
    expect(first).toMatchObject({ level: 'info', msg: 'first', product: 'flights', name: 'sluice' });
    expect(new Date(String(first?.['time'])).getTime()).toBeGreaterThan(0);
    expect(second).toMatchObject({ level: 'error', msg: 'second', error: { message: 'why' } });
    expect(JSON.stringify(second)).toContain('stack');
  });

  test('are lines for people where that is asked for', async () => {
    const { err } = await logging({ pretty: true }, `observe.warn('look here', { cluster: 'main' });`);
    expect(err).toMatch(/WARN.*look here/);
    expect(err).not.toContain('{"');
  });

  test('begin at the level that is configured', async () => {
    const { err } = await logging({ level: 'error' }, `observe.warn('not this'); observe.error('this');`);
    expect(err).not.toContain('not this');
    expect(err).toContain('"this"');
  });
});

describe('metrics', () => {
  test('are scraped from a port of their own, under the names of the catalogue, from their first handle on', async () => {
    const metricsPort = await freePort();
    await using observe = await createObserve({ ...quiet, metricsPort, otlp: null });
    observe.counter('sluice_records_read_total', { product: 'flights' }).add(3);
    observe.counter('sluice_errors_total', { code: 'INTERNAL' });
    observe.gauge('sluice_subscriptions', { product: 'flights' }).set(2);
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    expect(text).toMatch(/^sluice_records_read_total\{product="flights"[^}]*\} 3/m);
    expect(text).toMatch(/^sluice_errors_total\{code="INTERNAL"[^}]*\} 0/m);
    expect(text).toMatch(/^sluice_subscriptions\{product="flights"[^}]*\} 2/m);
    expect(text).toContain('# HELP sluice_subscriptions Live subscriptions, by product.');
  });

  test('are pushed to an OTLP collector, the last of them when the process ends', async () => {
    const received: { readonly url: string; readonly body: string }[] = [];
    const collector = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        received.push({ url: request.url ?? '', body });
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const { port } = collector.address() as AddressInfo;
    {
      await using observe = await createObserve({ ...quiet, metricsPort: null, otlp: `http://127.0.0.1:${port}/` });
      observe.counter('sluice_records_read_total', { product: 'flights' }).add(3);
    }
    await new Promise((resolve) => collector.close(resolve));
    expect(received.map(({ url }) => url)).toContain('/v1/metrics');
    expect(received.at(-1)?.body).toContain('sluice_records_read');
  });
});
