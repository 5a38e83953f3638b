import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath } from '../bed/index.ts';
import { KEY, LIVE, TestDoor } from './door.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: await chromiumPath(), args: ['--no-sandbox'] });
});

afterAll(async () => {
  await browser.close();
});

/** A page of its own profile that notes what it asks for and what goes wrong in it. */
async function open(door: TestDoor): Promise<{ page: Page; hosts: Set<string>; troubles: string[] }> {
  const page = await (await browser.newContext()).newPage();
  const hosts = new Set<string>();
  const troubles: string[] = [];
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  page.on('pageerror', (error) => troubles.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(message.text());
  });
  await page.goto(door.url);
  await page.locator('.graphiql-execute-button').waitFor();
  return { page, hosts, troubles };
}

describe('GraphiQL in Chromium', () => {
  test('is authenticated in the demo: its play button shows events of a subscription, from this host alone', async () => {
    await using door = await TestDoor.open({ graphiql: { key: KEY, defaultQuery: LIVE } });
    const { page, hosts, troubles } = await open(door);
    await page.getByText('cursor topic').waitFor();
    await page.locator('.graphiql-execute-button').click();
    const placed = await door.way.next();
    expect(placed.operation.query.replace(/\s/g, '')).toBe(LIVE.replace(/\s/g, ''));
    placed.outlet.progress('c0');
    await placed.emit(2, 'aviation/LAX');
    await page.locator('.result-window').getByText('"c2"').waitFor();
    await page.locator('.graphiql-execute-button').click();
    await placed.whenEnded;
    expect([...hosts].filter((host) => host !== '')).toEqual([new URL(door.url).host]);
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  test('plays with the key that is typed into its headers', async () => {
    await using door = await TestDoor.open({ graphiql: { defaultQuery: LIVE } });
    const { page } = await open(door);
    await page.getByText('cursor topic').waitFor();
    await page.locator('.graphiql-execute-button').click();
    await page.locator('.result-window').getByText('UNAUTHENTICATED').waitFor();
    await page.getByText('"X-API-Key"', { exact: true }).click();
    await page.keyboard.press('ControlOrMeta+a');
    // The editor closes what is opened.
    await page.keyboard.insertText(`{"X-API-Key": "${KEY}`);
    await page.locator('.graphiql-execute-button').click();
    await (await door.way.next()).emit(1);
    await page.locator('.result-window').getByText('"c1"').waitFor();
    await page.context().close();
  });
});

describe('the EventSource of Chromium', () => {
  test('resumes by itself at what it has been told last, be it an event or progress', async () => {
    await using door = await TestDoor.open();
    const { page } = await open(door);
    const url = `/graphql?access_token=${KEY}&query=${encodeURIComponent(LIVE)}`;
    await page.evaluate((at) => {
      const source = new EventSource(at);
      source.addEventListener('next', (event) => {
        document.title = event.lastEventId;
      });
    }, url);
    const first = await door.way.next();
    await first.emit(2);
    await page.waitForFunction(() => document.title === 'c2');
    first.outlet.progress('c5');
    first.subscription.end(null);
    await door.way.until((way) => way.opened === 2);
    const second = await door.way.next();
    expect(second.operation.variables).toEqual({ sluiceLastEventId: 'c5' });
    await second.emit(1);
    await page.waitForFunction(() => document.title === 'c1');
    await page.context().close();
    await second.whenEnded;
  });
});
