/** Chromium as people have it, fresh each time, with everything watched that it asks for and complains of. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { chromiumPath } from '../bed/chromium.ts';

/** Of a browser without a screen; the rest keeps the browser itself from calling its maker. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await chromiumPath(), headless: true, args });
}

/** A tab, with what it asked for and complained of. */
export interface Tab {
  readonly page: Page;
  /** Addresses of all requests, sockets included. */
  readonly asked: string[];
  /** Errors on the console and exceptions that nobody caught. */
  readonly complaints: string[];
}

export async function openTab(browser: Browser, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const asked: string[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => void asked.push(request.url()));
  page.on('websocket', (socket) => void asked.push(socket.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => void complaints.push(String(error)));
  return { page, asked, complaints };
}
