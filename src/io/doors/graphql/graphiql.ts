/**
 * GraphiQL's page, self-contained: it works without a network. Nine megabytes of script are loaded and compressed in a
 * worker when the page is first asked for, so that neither the event loop nor the heap of a gateway pays for it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { gunzip } from 'node:zlib';
import { isLocal } from '../wire/local.ts';

export interface GraphiQLOptions {
  /** Shown when nothing else is remembered by the browser. */
  readonly defaultQuery?: string;
  /** Puts this key into the page, for requests from this machine only: the demo's ready-made access. */
  readonly key?: string;
}

const inflate = promisify(gunzip);

export class GraphiQLPage {
  private readonly options: GraphiQLOptions;
  private readonly pages = new Map<boolean, Promise<Buffer>>();

  constructor(options: GraphiQLOptions) {
    this.options = options;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const withKey = this.options.key !== undefined && isLocal(request);
    let page = this.pages.get(withKey);
    if (page === undefined) {
      page = render(this.options, withKey);
      page.catch(() => this.pages.delete(withKey));
      this.pages.set(withKey, page);
    }
    const compressed = await page;
    const takesGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    const body = takesGzip ? compressed : await inflate(compressed);
    response.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
      Vary: 'Accept, Accept-Encoding',
      // GraphiQL is inline script whose editor compiles itself and works in blob workers.
      'Content-Security-Policy':
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
      ...(takesGzip ? { 'Content-Encoding': 'gzip' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }
}

function render(options: GraphiQLOptions, withKey: boolean): Promise<Buffer> {
  const page = {
    title: 'Sluice',
    // Over SSE, because that transport alone sends what is typed into the headers editor.
    subscriptionsProtocol: 'SSE',
    ...(options.defaultQuery === undefined ? {} : { defaultQuery: options.defaultQuery }),
    headers: JSON.stringify({ 'X-API-Key': withKey ? options.key : '' }, null, 2),
    ...(withKey ? { additionalHeaders: { 'X-API-Key': options.key } } : {}),
  };
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./graphiql-worker.ts', import.meta.url), { workerData: page });
    worker.once('message', (bytes: Uint8Array) =>
      resolve(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
    );
    worker.once('error', reject);
    worker.once('exit', (code) =>
      reject(new Error(`the GraphiQL page could not be made: its worker ended with ${code}`)),
    );
  });
}
