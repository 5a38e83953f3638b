import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Site } from '../gateway/node.ts';
import { readings } from '../gateway/producer.ts';
import { expectQuiet as expectQuietTab, leastContrast, openBrowser, openTab, type Tab } from './browser.ts';
import { Checkout, type Demo, type Greeting } from './checkout.ts';

let browser: Browser;
let demo: Demo;
let greeting: Greeting;

beforeAll(async () => {
  demo = await new Checkout().start();
  [browser, greeting] = await Promise.all([openBrowser(), demo.greeting()]);
});

afterAll(async () => {
  await browser?.close();
  await demo?.[Symbol.asyncDispose]();
});

const expectQuiet = (tab: Tab, url = greeting.url): void => expectQuietTab(tab, url);

describe('the page for people', () => {
  test('shows both products with owner, description and topic template', async () => {
    const tab = await openTab(browser);
    await tab.page.goto(greeting.url);
    const flights = tab.page.locator('article', { hasText: 'Flights' });
    await flights.getByText('Flight Operations').waitFor();
    await flights.getByText('aviation/{origin}/{destination}/{status}').waitFor();
    await flights.getByText(/Arrivals of domestic flights/).waitFor();
    const quakes = tab.page.locator('article', { hasText: 'Earthquakes' });
    await quakes.getByText('Seismic Monitoring').waitFor();
    await quakes.getByText('seismic/{network}/{magnitudeType}/{strength}').waitFor();
    await quakes.getByText(/Earthquakes and other seismic events/).waitFor();
    expectQuiet(tab);
  });

  test('shows how to subscribe in three languages with its own URL, by keyboard', async () => {
    const tab = await openTab(browser);
    const { page } = tab;
    await page.goto(greeting.url);
    const focused = async (): Promise<string> => page.evaluate(() => document.activeElement?.id ?? '');
    for (let presses = 0; (await focused()) !== 'tab-curl'; presses += 1) {
      expect(presses).toBeLessThan(20);
      await page.keyboard.press('Tab');
    }
    const expectShown = async (id: string, own: string): Promise<void> => {
      expect(await focused()).toBe(`tab-${id}`);
      expect(await page.locator('[role=tab][aria-selected=true]').getAttribute('id')).toBe(`tab-${id}`);
      expect(await page.locator('[role=tabpanel]:visible').count()).toBe(1);
      expect(await page.locator(`#text-${id}`).textContent()).toContain(own);
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle);
      expect(outline).toBe('solid');
    };
    const socket = greeting.url.replace('http', 'ws');
    await expectShown('curl', `${greeting.url}/graphql`);
    await page.keyboard.press('ArrowRight');
    await expectShown('typescript', `'${socket}/graphql'`);
    await page.keyboard.press('End');
    await expectShown('python', `"${socket}/graphql"`);
    await page.keyboard.press('ArrowRight');
    await expectShown('curl', greeting.url);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Home');
    await expectShown('curl', greeting.url);
    expectQuiet(tab);
  });

  test('copies an example to the clipboard', async () => {
    const tab = await openTab(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
    await tab.page.goto(greeting.url);
    await tab.page.getByRole('tab', { name: 'TypeScript' }).click();
    const copy = tab.page.locator('[role=tabpanel]:visible .copy');
    await copy.click();
    await tab.page.getByRole('button', { name: 'Copied' }).waitFor();
    const copied = await tab.page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toBe(await tab.page.locator('#text-typescript').textContent());
    expectQuiet(tab);
  });

  test('works without scripts', async () => {
    const tab = await openTab(browser, { javaScriptEnabled: false });
    await tab.page.goto(greeting.url);
    await tab.page.getByText('aviation/{origin}/{destination}/{status}').waitFor();
    expect(await tab.page.locator('pre:visible').count()).toBe(3);
    expect(await tab.page.locator('[role=tablist]:visible').count()).toBe(0);
    expect(await tab.page.getByRole('link', { name: /Open GraphiQL/ }).getAttribute('href')).toBe('/graphql');
    expectQuiet(tab);
  });

  test('fits a phone', async () => {
    const tab = await openTab(browser, { viewport: { width: 360, height: 740 } });
    await tab.page.goto(greeting.url);
    for (const name of ['curl', 'TypeScript', 'Python']) {
      await tab.page.getByRole('tab', { name }).click();
      expect(await tab.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    }
    expectQuiet(tab);
  });

  test.each(['light', 'dark'] as const)('has enough contrast in the %s', async (colorScheme) => {
    const tab = await openTab(browser, { colorScheme });
    await tab.page.goto(greeting.url);
    const { ratio, text } = await leastContrast(tab.page);
    expect(ratio, text).toBeGreaterThanOrEqual(4.5);
    const paper = await tab.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(paper).toBe(colorScheme === 'dark' ? 'rgb(16, 22, 29)' : 'rgb(251, 252, 253)');
    expectQuiet(tab);
  });

  test('leads to GraphiQL, authenticated, whose play button brings events', async () => {
    const tab = await openTab(browser);
    const { page } = tab;
    await page.goto(greeting.url);
    await page.getByRole('link', { name: 'Open GraphiQL and press play' }).click();
    await page.waitForURL('**/graphql');
    // The schema has been fetched with the key.
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.locator('.graphiql-doc-explorer').getByText('Subscription', { exact: true }).waitFor();
    await page.locator('.graphiql-execute-button').click();
    const cursor = async (not: string): Promise<string> => {
      const shown = await page.waitForFunction((before) => {
        const text = document.querySelector('.graphiql-response')?.textContent ?? '';
        const [, found] = /"cursor":\s*"([^"]+)/.exec(text) ?? [];
        return found !== undefined && found !== before ? found : null;
      }, not);
      return String(await shown.jsonValue());
    };
    const first = await cursor('');
    expect(await cursor(first)).not.toBe(first);
    expectQuiet(tab);
  });
});

test('GraphiQL has no key for who asks by a foreign name', async () => {
  const ask = async (host: string): Promise<string> => {
    const { request } = await import('node:http');
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const sent = request(`${greeting.url}/graphql`, { headers: { host, accept: 'text/html' } }, (answer) => {
      let text = '';
      answer.on('data', (part) => {
        text += part;
      });
      answer.on('end', () => resolve(text));
    });
    sent.on('error', reject).end();
    return promise;
  };
  expect(await ask(new URL(greeting.url).host)).toContain(greeting.key);
  const foreign = await ask('rebound.example.com');
  expect(foreign).toContain('Sluice');
  expect(foreign).not.toContain(greeting.key);
});

describe('the page of a gateway that is no demo', () => {
  test('shows no product to whom it does not know, and to whom it does, theirs', async () => {
    const site = new Site({ main: 'embedded' }, [readings(), readings({ name: 'secrets', type: 'SecretEvent' })]);
    await using gateway = await site.start();
    await gateway.ready();
    const { key } = await site.partner(['readings']);
    const stranger = await site.partner([]);
    const tab = await openTab(browser, { viewport: { width: 360, height: 740 } });
    const { page } = tab;
    await page.goto(gateway.url);
    expect(await page.content()).not.toMatch(/readings|secrets/);
    const give = async (text: string): Promise<void> => {
      await page.getByLabel('Your API key').fill(text);
      await page.getByRole('button', { name: 'Show my products' }).click();
    };
    await give(stranger.key);
    await page.getByText('This key has no grant yet.').waitFor();
    await give(key);
    const product = page.locator('article');
    await product.getByText('readings/{region}/{id}').waitFor();
    expect(await product.count()).toBe(1);
    expect(await product.textContent()).toContain('Tests');
    expect(await page.content()).not.toContain('secrets');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect((await leastContrast(page)).ratio).toBeGreaterThanOrEqual(4.5);
    expectQuiet(tab, gateway.url);
    await give(`${key}x`);
    await page.getByText(/A valid API key is needed/).waitFor();
    expect(await product.count()).toBe(0);
  });
});
