/** How a server of a bench takes its orders: JSON lines in, a line out for each. */
import { createInterface } from 'node:readline';

export type Order = { readonly do: string } & Readonly<Record<string, number>>;

export function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** Ends the process with its input. An order that fails ends it too, with the reason on standard error. */
export function takeOrders(orders: Readonly<Record<string, (order: Order) => Promise<object> | object>>): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', async (line) => {
    const order = JSON.parse(line) as Order;
    const act = orders[order.do];
    if (act === undefined) throw new Error(`there is no order ${order.do}`);
    say(await act(order));
  });
  lines.on('close', () => process.exit(0));
}

/**
 * Collects garbage, which needs --expose-gc, gives the pages that are free to the machine, which V8 otherwise keeps for later, and tells
 * the bytes of heap that are left in use.
 */
export async function collect(): Promise<{ readonly heap: number }> {
  for (let round = 0; round < 4; round++) {
    (globalThis as { gc?: (how: object) => void }).gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { heap: process.memoryUsage().heapUsed };
}
