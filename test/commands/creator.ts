/** A process that creates applications with keys and grants, one command after another, as a script at a terminal does: `creator.ts PATH COUNT`. Prints their ids. */
import { createApp } from '../../src/commands/app.ts';
import { createAppGrant } from '../../src/commands/grant.ts';
import { createAppKey } from '../../src/commands/key.ts';
import { opener, run } from './desk.ts';

const [path = '', count = '0'] = process.argv.slice(2);
const open = opener(path);
for (let made = 0; made < Number(count); made++) {
  const app = (await run((out) => createApp(open, { name: `Partner ${process.pid}`, json: true }, out))).json().id;
  const key = (await run((out) => createAppKey(open, { app, json: true }, out))).json().id;
  const grant = (
    await run((out) => createAppGrant(open, { app, product: 'orders', contracts: null, json: true }, out))
  ).json().id;
  process.stdout.write(`${JSON.stringify({ app, key, grant })}\n`);
}
