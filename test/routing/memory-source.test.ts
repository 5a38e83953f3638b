/** The fake of the delivery tests keeps what a Source promises. */
import { MemorySource } from '../delivery/memory-source.ts';
import { sourceConformance } from './source-conformance.ts';

sourceConformance('of the delivery tests', async () => {
  const product = 'flights';
  const timers = new Set<NodeJS.Timeout>();
  const source = new MemorySource({
    auto: true,
    every: (ms, task) => {
      const timer = setInterval(task, ms);
      timers.add(timer);
      return () => {
        clearInterval(timer);
        timers.delete(timer);
      };
    },
  });
  source.create(product, 2);
  return {
    source,
    product,
    write: async (partition, values, time) => {
      source.put(product, partition, ...values.map((value) => (time === undefined ? { value } : { value, time })));
    },
    valueOf: (event) => Number(event.data?.['value']),
    recreate: async () => source.create(product, 2),
    grow: async (partitions) => source.grow(product, partitions),
    trim: async (partition, first) => source.trim(product, partition, first),
    publishable: (value) => ({ key: `k${value}`, data: { value }, traceparent: null }),
    [Symbol.asyncDispose]: async () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
});
