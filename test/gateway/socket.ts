/** graphql-transport-ws by hand: every message and pong is kept and can be waited for. */
import { once } from 'node:events';
import WebSocket from 'ws';

export interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

export class Socket implements AsyncDisposable {
  readonly ws: WebSocket;
  readonly messages: Message[] = [];
  readonly texts: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #close: { code: number; reason: string } | null = null;
  readonly #waiting = new Set<() => void>();

  private constructor(ws: WebSocket) {
    this.ws = ws;
    ws.on('message', (data) => {
      const text = String(data);
      this.texts.push(text);
      this.messages.push(JSON.parse(text) as Message);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        this.#close = { code, reason: String(reason) };
        resolve(this.#close);
        this.#wake();
      });
    });
  }

  static async open(url: string, key: string | null): Promise<Socket> {
    const ws = new WebSocket(url, 'graphql-transport-ws');
    const socket = new Socket(ws);
    await once(ws, 'open');
    if (key !== null) {
      socket.send({ type: 'connection_init', payload: { apiKey: key } });
      await socket.message(({ type }) => type === 'connection_ack');
    }
    return socket;
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  }

  subscribe(id: string, query: string, variables: Record<string, unknown> = {}): void {
    this.send({ id, type: 'subscribe', payload: { query, variables } });
  }

  /** The first message that matches, now or later. Rejects when the socket closes without it. */
  async message(matches: (message: Message) => boolean): Promise<Message> {
    return this.until(() => this.messages.find(matches));
  }

  /** The data of the `next` messages of a subscription. */
  events<T>(id: string): T[] {
    return this.messages
      .filter((message) => message.type === 'next' && message.id === id)
      .map(({ payload }) => Object.values((payload as { data: Record<string, T> }).data)[0] as T);
  }

  /** The cursor that the ready pong of a subscription told. */
  async ready(id: string): Promise<string> {
    return this.until(() => {
      for (const { type, payload, id: of } of this.messages) {
        if (type === 'error' && of === id) throw new Error(`${id} was refused: ${JSON.stringify(payload)}`);
        const cursor =
          type === 'pong'
            ? (payload as { sluice?: { ready?: Record<string, string> } })?.sluice?.ready?.[id]
            : undefined;
        if (cursor !== undefined) return cursor;
      }
      return undefined;
    });
  }

  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#close !== null)
        throw new Error(
          `the socket closed: ${JSON.stringify(this.#close)}, messages: ${this.texts.slice(-3).join(' ')}`,
        );
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ws.terminate();
    await this.closed;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
