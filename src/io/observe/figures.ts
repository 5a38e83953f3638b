/** Metrics of a process that exports none itself: gathered, and handed to the process that does. */
import type { Counter, Gauge, Labels, MetricName } from '../../core/observe.ts';

/** What has changed since the last hand-over: counters by how much, gauges to what. Plain data. */
export interface Figures {
  readonly counters: readonly Figure[];
  readonly gauges: readonly Figure[];
}

type Figure = readonly [name: MetricName, labels: Labels, value: number];

/** Values that are the node's and not a process's: whoever exports has them of itself. */
const ofTheNode: ReadonlySet<MetricName> = new Set([
  'sluice_contracts',
  'sluice_contracts_broken',
  'sluice_cluster_up',
]);

interface Held {
  readonly name: MetricName;
  readonly labels: Labels;
  value: number;
}

export class FigureGatherer {
  readonly #counters = new Map<string, Held>();
  readonly #gauges = new Map<string, Held>();
  /** Of both, those that changed. */
  #changed = new Set<string>();

  counter(name: MetricName, labels: Labels): Counter {
    const key = keyOf(name, labels);
    const held = this.#held(this.#counters, key, name, labels);
    return {
      add: (by) => {
        held.value += by;
        this.#changed.add(key);
      },
    };
  }

  gauge(name: MetricName, labels: Labels): Gauge {
    if (ofTheNode.has(name)) return { set() {} };
    const key = keyOf(name, labels);
    const held = this.#held(this.#gauges, key, name, labels);
    return {
      set: (value) => {
        held.value = value;
        this.#changed.add(key);
      },
    };
  }

  take(): Figures {
    const counters: Figure[] = [];
    const gauges: Figure[] = [];
    for (const key of this.#changed) {
      const counter = this.#counters.get(key);
      if (counter !== undefined) {
        counters.push([counter.name, counter.labels, counter.value]);
        counter.value = 0;
      }
      const gauge = this.#gauges.get(key);
      if (gauge !== undefined) gauges.push([gauge.name, gauge.labels, gauge.value]);
    }
    this.#changed = new Set();
    return { counters, gauges };
  }

  #held(all: Map<string, Held>, key: string, name: MetricName, labels: Labels): Held {
    let held = all.get(key);
    if (held === undefined) {
      held = { name, labels, value: 0 };
      all.set(key, held);
      this.#changed.add(key);
    }
    return held;
  }
}

function keyOf(name: MetricName, labels: Labels): string {
  return `${name} ${JSON.stringify(labels)}`;
}
