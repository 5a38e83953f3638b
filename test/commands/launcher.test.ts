import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { Checkout } from '../demo/checkout.ts';
import { Terminal } from '../demo/terminal.ts';

const { version } = (await import('../../package.json', { with: { type: 'json' } })).default;

/** The machine's own Node, whichever that is, and not the one that npm puts before it. */
const machines = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.endsWith(join('node_modules', '.bin')))
  .join(delimiter);

function sluice(checkout: Checkout, args: readonly string[], env: Record<string, string> = {}): Terminal {
  const program = join(checkout.folder, 'src', 'sluice.js');
  return new Terminal('node', [program, ...args], checkout.folder, { PATH: machines, ...env });
}

test('sluice runs under the machine’s own Node, hands on arguments, exit codes and signals', async () => {
  const checkout = new Checkout();
  await using telling = sluice(checkout, ['--version']);
  expect(await telling.ended).toEqual({ code: 0, signal: null });
  expect(telling.stdout.trim()).toBe(version);

  await using refused = sluice(checkout, ['serve', '--config', 'nowhere.yaml']);
  expect(await refused.ended).toEqual({ code: 2, signal: null });
  expect(refused.stderr).toMatch(/nowhere\.yaml: cannot be read/);

  await using serving = sluice(checkout, ['serve'], { SLUICE_LISTEN_PORT: '0' });
  await serving.prints(/Ctrl-C stops it/);
  serving.child.kill('SIGTERM');
  expect(await serving.ended).toEqual({ code: 0, signal: null });
});
