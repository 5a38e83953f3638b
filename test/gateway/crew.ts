/** A node of several processes, and its workers one by one. */
import { request } from 'node:http';
import { freePort } from '../bed/ports.ts';
import { Metrics } from './metrics.ts';
import type { GatewayProcess, Site } from './node.ts';
import { type Message, Socket } from './socket.ts';

export class Crew implements AsyncDisposable {
  readonly gateway: GatewayProcess;
  readonly metrics: Metrics;
  readonly size: number;

  private constructor(gateway: GatewayProcess, metrics: Metrics, size: number) {
    this.gateway = gateway;
    this.metrics = metrics;
    this.size = size;
  }

  static async start(site: Site, size: number, env: Record<string, string> = {}): Promise<Crew> {
    const metricsPort = await freePort();
    const gateway = await site.start({
      env: { SLUICE_WORKERS: `${size}`, SLUICE_TELEMETRY_METRICS_PORT: `${metricsPort}`, ...env },
    });
    const crew = new Crew(gateway, new Metrics(metricsPort), size);
    await crew.ready();
    return crew;
  }

  /** The parent says so when all are. */
  async ready(): Promise<void> {
    await this.gateway.line(({ msg, ['worker']: worker }) => msg === 'ready' && worker === undefined);
  }

  /** Process ids of the workers that listened last, by their number. */
  get pids(): ReadonlyMap<number, number> {
    const told = this.gateway.lines.filter(({ msg }) => msg === 'a worker listens');
    return new Map(told.map((line) => [line['worker'] as number, line['workerPid'] as number]));
  }

  /** The first line of each worker that matches, now or later, among those after the first `from` lines. */
  async eachLine(matches: (line: GatewayProcess['lines'][number]) => boolean, from = 0): Promise<void> {
    for (const number of this.pids.keys()) {
      await this.gateway.until(() =>
        this.gateway.lines.slice(from).find((line) => line['worker'] === number && matches(line)),
      );
    }
  }

  /** A request on a connection of its own: such connections go round the workers. */
  ask(
    path: string,
    key: string | null = null,
    query?: string,
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const sent = request(
        `${this.gateway.url}${path}`,
        {
          agent: false,
          method: query === undefined ? 'GET' : 'POST',
          headers: key === null ? headers : { ...headers, 'x-api-key': key },
        },
        async (response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk as Buffer);
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) });
        },
      );
      sent.on('error', reject);
      sent.end(query === undefined ? undefined : JSON.stringify({ query }));
    });
  }

  /** Resolves once every worker answers so: three rounds without another answer. */
  async agree(look: () => Promise<boolean>): Promise<void> {
    for (let inRow = 0; inRow < 3 * this.size; ) {
      inRow = (await look()) ? inRow + 1 : 0;
      if (inRow === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Resolves once every worker shows the key these products. */
  async shows(key: string, products: readonly string[]): Promise<void> {
    await this.agree(async () => {
      const { status, body } = await this.ask('/graphql', key, '{ products { name } }');
      const shown = ((body['data'] as { products?: { name: string }[] } | undefined)?.products ?? []).map(
        ({ name }) => name,
      );
      return status === 200 && products.every((product) => shown.includes(product));
    });
  }

  /** Sockets that are spread over the workers. */
  sockets(key: string, count: number): Promise<Socket[]> {
    return Promise.all(Array.from({ length: count }, () => Socket.open(this.gateway.socketUrl, key)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
  }
}

/** Whether a process of this id lives. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves once none of them lives; the run's time-out says when one goes on. */
export async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(lives)) await new Promise((resolve) => setTimeout(resolve, 10));
}

export interface ReadingEvent {
  readonly cursor: string;
  readonly data: { readonly seq: number; readonly id: string };
}
interface Problem {
  readonly extensions: { readonly code: string; readonly cursor?: string };
}

export const live = 'subscription ($from: ReplayFrom) { readings(from: $from) { cursor data { seq id } } }';
export const problemOf = ({ payload }: Message): Problem => (payload as Problem[])[0] as Problem;
export const endOf = (socket: Socket, id: string): Promise<Message> =>
  socket.message((message) => message.type === 'error' && message.id === id);

export const received = (socket: Socket, id: string, count: number): Promise<readonly ReadingEvent[]> =>
  socket.until(() => {
    const events = socket.events<ReadingEvent>(id);
    return events.length >= count ? events : undefined;
  });
