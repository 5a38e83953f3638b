/** Chromium as people have it, fresh each time, with everything watched that it asks for and complains of. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
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

/** Nothing was asked of anybody but the gateway at `url`, and nothing was complained of. */
export function expectQuiet({ asked, complaints }: Tab, url: string): void {
  const foreign = asked.filter(
    (address) => !/^(data|blob):/.test(address) && new URL(address).host !== new URL(url).host,
  );
  expect(foreign).toEqual([]);
  expect(complaints).toEqual([]);
}

/** The smallest WCAG contrast of any text that is seen, with that text. */
export async function leastContrast(page: Page): Promise<{ readonly ratio: number; readonly text: string }> {
  return page.evaluate(() => {
    const channels = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (color: string): number => {
      const [r = 0, g = 0, b = 0] = channels(color).map((value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element: Element | null): string => {
      for (let at = element; at !== null; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if ((channels(backgroundColor)[3] ?? 1) > 0) return backgroundColor;
      }
      return 'rgb(255, 255, 255)';
    };
    const found: { ratio: number; text: string }[] = [];
    for (const element of document.body.querySelectorAll<HTMLElement>('*')) {
      const text = [...element.childNodes]
        .filter(({ nodeType }) => nodeType === 3)
        .map((node) => node.textContent?.trim());
      if (!element.checkVisibility() || text.join('') === '') continue;
      const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
      found.push({ ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text: text.join(' ') });
    }
    return found.reduce((least, next) => (next.ratio < least.ratio ? next : least));
  });
}
