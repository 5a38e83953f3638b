/** Streams by hand: every CloudEvent is kept and can be waited for, over a WebSocket or SSE alike. */
import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import WebSocket from 'ws';

export interface Message {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly cursor?: string;
  readonly subject?: string;
  readonly sequence?: string;
  readonly data: Record<string, unknown> | null;
}

/** An SSE block as it came. */
interface Block {
  readonly event: string | null;
  readonly id: string | null;
}

export abstract class Stream implements AsyncDisposable {
  readonly messages: Message[] = [];
  abstract readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  protected isOver = false;
  readonly #waiting = new Set<() => void>();

  /** Messages that are no control events. */
  get events(): readonly Message[] {
    return this.messages.filter(({ type }) => !type.startsWith('sluice.'));
  }

  abstract pause(): void;
  abstract resume(): void;
  /** Gone without a word. */
  abstract cut(): void;

  /** What `look` finds, now or later. Rejects when the stream is over without it. */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.isOver) throw new Error(`the stream is over: ${JSON.stringify(this.messages.slice(-3))}`);
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  /** The first message of the type. */
  of(type: string): Promise<Message> {
    return this.until(() => this.messages.find((message) => message.type === type));
  }

  async ready(): Promise<string> {
    return (await this.of('sluice.ready')).cursor as string;
  }

  /** The first `count` events. */
  async take(count: number): Promise<readonly Message[]> {
    await this.until(() => (this.events.length >= count ? true : undefined));
    return this.events.slice(0, count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await this.closed;
  }

  protected wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

export class SocketStream extends Stream {
  readonly ws: WebSocket;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  private constructor(ws: WebSocket) {
    super();
    this.ws = ws;
    ws.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)) as Message);
      this.wake();
    });
    ws.on('error', () => {});
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        this.isOver = true;
        resolve({ code, reason: String(reason) });
        this.wake();
      });
    });
  }

  static async open(
    url: string,
    headers: Readonly<Record<string, string>> = {},
    protocols: string[] = [],
  ): Promise<SocketStream> {
    const ws = new WebSocket(url.replace(/^http/, 'ws'), protocols, { headers });
    const stream = new SocketStream(ws);
    await once(ws, 'open');
    return stream;
  }

  pause(): void {
    this.ws.pause();
  }

  resume(): void {
    this.ws.resume();
  }

  cut(): void {
    this.ws.terminate();
  }
}

export class SseStream extends Stream {
  readonly blocks: Block[] = [];
  readonly response: IncomingMessage;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #request: ClientRequest;
  #rest = '';

  private constructor(request: ClientRequest, response: IncomingMessage) {
    super();
    this.#request = request;
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (text: string) => this.#read(text));
    response.on('error', () => {});
    this.closed = new Promise((resolve) => {
      response.on('close', () => {
        this.isOver = true;
        resolve({ code: response.statusCode ?? 0, reason: '' });
        this.wake();
      });
    });
  }

  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<SseStream> {
    const request = httpRequest(url, { headers: { accept: 'text/event-stream', ...headers } });
    request.on('error', () => {});
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}: ${await textOf(response)}`);
    return new SseStream(request, response);
  }

  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  cut(): void {
    this.#request.destroy();
  }

  #read(text: string): void {
    const parts = `${this.#rest}${text}`.split('\n\n');
    this.#rest = parts.pop() as string;
    for (const part of parts) {
      const lines = new Map(
        part.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      this.blocks.push({ event: lines.get('event') ?? null, id: lines.get('id') ?? null });
      this.messages.push(JSON.parse(lines.get('data') ?? 'null') as Message);
    }
    this.wake();
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response) text += part;
  return text;
}

/** Both transports, as tests that run over each name them. */
export const transports = {
  'a WebSocket': (url: string, key: string): Promise<Stream> => SocketStream.open(url, { 'x-api-key': key }),
  SSE: (url: string, key: string): Promise<Stream> => SseStream.open(url, { 'x-api-key': key }),
} as const;
