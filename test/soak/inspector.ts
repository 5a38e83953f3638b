/** A Node process seen through its inspector, started with NODE_OPTIONS=--inspect=127.0.0.1:0: nothing of it is in the product. */
import { once } from 'node:events';
import WebSocket from 'ws';
import type { GatewayProcess } from '../gateway/node.ts';

export interface Memory {
  readonly heapUsed: number;
  /** Buffers outside the heap, those of ArrayBuffers included. */
  readonly external: number;
  readonly rss: number;
}

export class Inspector implements Disposable {
  readonly #ws: WebSocket;
  #last = 0;

  private constructor(ws: WebSocket) {
    this.#ws = ws;
  }

  static async of(gateway: GatewayProcess): Promise<Inspector> {
    const { msg } = await gateway.line((line) => line.msg.startsWith('Debugger listening on ws://'));
    const ws = new WebSocket(msg.slice(msg.indexOf('ws://')));
    await once(ws, 'open');
    const inspector = new Inspector(ws);
    await inspector.#ask('HeapProfiler.enable');
    return inspector;
  }

  /** After a full garbage collection; of several the median, since some work is always under way. Bytes. */
  async memory(): Promise<Memory> {
    const seen: Memory[] = [];
    for (let i = 0; i < 5; i++) {
      await this.#ask('HeapProfiler.collectGarbage');
      const { result } = (await this.#ask('Runtime.evaluate', {
        expression: 'process.memoryUsage()',
        returnByValue: true,
      })) as { result: { value: Memory } };
      seen.push(result.value);
    }
    return seen.sort((a, b) => a.heapUsed - b.heapUsed)[2] as Memory;
  }

  [Symbol.dispose](): void {
    this.#ws.terminate();
  }

  #ask(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      const answered = (data: WebSocket.RawData): void => {
        const answer = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
        if (answer.id !== id) return;
        done();
        if (answer.error === undefined) resolve(answer.result);
        else reject(new Error(`${method}: ${answer.error.message}`));
      };
      const lost = (): void => {
        done();
        reject(new Error(`${method}: the process has gone`));
      };
      const done = (): void => {
        this.#ws.off('message', answered);
        this.#ws.off('close', lost);
      };
      this.#ws.on('message', answered);
      this.#ws.on('close', lost);
      this.#ws.send(JSON.stringify({ id, method, params }));
    });
  }
}
