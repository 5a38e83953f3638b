import { request } from 'node:http';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diagnosticsOf } from '../surface/asyncapi-reader.ts';
import { expectQuiet, leastContrast, openBrowser, openTab } from './browser.ts';
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

describe('the AsyncAPI pages of the demo', () => {
  test('are reached from the first page without a key, and ask nobody else for anything', async () => {
    const tab = await openTab(browser);
    const { page } = tab;
    await page.goto(greeting.url);
    await page.getByRole('link', { name: 'AsyncAPI' }).click();
    await page.getByRole('link', { name: 'Flights', exact: true }).click();
    await page.locator('#schema-FlightEvent').getByText('bts.flights.FlightEvent.v1').waitFor();
    // What it is made of is all there: servers, topics, parameters, messages with their examples, schemas.
    await page.getByText(`${greeting.url.replace('http', 'ws')}/v1/streams/flights`, { exact: true }).waitFor();
    await page.getByText('IATA code of the airport it left.').first().waitFor();
    await page.locator('#message-FlightEvent summary').click();
    await page.locator('#message-FlightEvent pre').getByText('20010101-0655-LAX-BNA-1').first().waitFor();
    await page.locator('#schema-Flight').getByText('distanceKm').waitFor();
    // A second look: what the browser has kept is still shown as it should be.
    await page.goto(`${greeting.url}/asyncapi`);
    await page.goto(`${greeting.url}/asyncapi/flights/html`);
    expect(await page.evaluate(() => getComputedStyle(document.querySelector('h1') as Element).fontFamily)).toContain(
      'system-ui',
    );
    expectQuiet(tab, greeting.url);
  });

  test('lead to the documents', async () => {
    const tab = await openTab(browser);
    await tab.page.goto(`${greeting.url}/asyncapi/earthquakes/html`);
    for (const name of ['AsyncAPI as YAML', 'as JSON', 'for generators: ws', 'for generators: sse']) {
      const path = await tab.page.getByRole('link', { name, exact: true }).getAttribute('href');
      const response = await fetch(new URL(path as string, greeting.url));
      expect(response.status).toBe(200);
      expect(await diagnosticsOf(await response.text())).toEqual([]);
    }
  });

  test('hold together: every link within one leads somewhere', async () => {
    const tab = await openTab(browser, { javaScriptEnabled: false });
    await tab.page.goto(`${greeting.url}/asyncapi/flights/html`);
    const html = await tab.page.content();
    const targets = [...html.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id as string);
    expect(targets.length).toBeGreaterThan(20);
    expect(targets.filter((id) => !html.includes(`id="${id}"`))).toEqual([]);
  });

  test('have a line for WebSockets that works in a browser', async () => {
    const tab = await openTab(browser);
    const { page } = tab;
    await page.goto(`${greeting.url}/asyncapi/flights/html`);
    const lines = await page.locator('pre', { hasText: 'new WebSocket' }).textContent();
    // The page itself may connect to nothing: the lines are for another, such as this one.
    await page.goto(greeting.url);
    const first = await page.evaluate(
      `new Promise((resolve) => { const apiKey = ${JSON.stringify(greeting.key)}, console = { log: resolve }; ${lines} })`,
    );
    expect(first).toMatchObject({ type: 'sluice.ready', source: '/v1/streams/flights' });
  });

  test.each(['light', 'dark'] as const)('fit a phone and have enough contrast in the %s', async (colorScheme) => {
    const tab = await openTab(browser, { colorScheme, viewport: { width: 360, height: 740 } });
    for (const path of ['/asyncapi', '/asyncapi/flights/html']) {
      await tab.page.goto(greeting.url + path);
      expect(await tab.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
      const { ratio, text } = await leastContrast(tab.page);
      expect(ratio, text).toBeGreaterThanOrEqual(4.5);
    }
    expectQuiet(tab, greeting.url);
  });
});

test('the documents of the demo are shut to who asks by a foreign name', async () => {
  const ask = (host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      request(`${greeting.url}/asyncapi/flights.json`, { headers: { host } }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
  expect(await ask(new URL(greeting.url).host)).toBe(200);
  expect(await ask('rebound.example.com')).toBe(401);
});
