/**
 * The observe port on pino (logs) and OpenTelemetry (metrics: exported for Prometheus on a port of its own, pushed by OTLP).
 */
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import pino from 'pino';
import { type Counter, type Labels, type Logger, type MetricName, metrics, type Observe } from '../../core/observe.ts';
import { FigureGatherer, type Figures } from './figures.ts';

export type { Figures } from './figures.ts';

export interface ObserveOptions {
  readonly level: string;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Where metrics are served; null: nowhere. */
  readonly metricsPort: number | null;
  /** Base URL of an OTLP collector over HTTP; null: none. */
  readonly otlp: string | null;
  readonly host: string;
  /** Set in a worker: its number, which its log lines carry, and who takes its metrics, once a second and at the end. */
  readonly worker?: { readonly number: number; take(figures: Figures): void };
}

export interface Observing extends Observe, AsyncDisposable {
  /** Exports what a worker has handed over: counters summed, gauges with its number as a label. */
  absorb(worker: number, figures: Figures): void;
  /** The worker is gone: its gauges are 0. */
  forget(worker: number): void;
}

const HAND_OVER_MS = 1_000;

/** Logs go to stderr: stdout belongs to what a command was asked for. */
export async function createObserve(options: ObserveOptions): Promise<Observing> {
  const logger = createLogger(options);
  const exporter =
    options.metricsPort === null
      ? null
      : new PrometheusExporter({ host: options.host, port: options.metricsPort, preventServerStart: true });
  const readers = [
    ...(exporter === null ? [] : [exporter]),
    ...(options.otlp === null
      ? []
      : [
          new PeriodicExportingMetricReader({
            exporter: new OTLPMetricExporter({ url: `${options.otlp.replace(/\/$/, '')}/v1/metrics` }),
          }),
        ]),
  ];
  const provider = readers.length === 0 ? null : new MeterProvider({ readers });
  await exporter?.startServer();
  const meter = provider?.getMeter('sluice');
  const gauges = new Map<string, { value: number; readonly labels: Labels }>();
  const observed = new Set<MetricName>();
  const absorbed = new Map<string, Counter>();
  const logging = {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  } satisfies Logger;
  if (options.worker !== undefined) return observeInWorker(logging, options.worker);

  const observe: Observing = {
    ...logging,
    counter(name, labels = {}) {
      // The exporter appends _total by itself.
      const counter = meter?.createCounter(name.replace(/_total$/, ''), { description: metrics[name] });
      counter?.add(0, labels);
      return { add: (by) => counter?.add(by, labels) };
    },
    gauge(name, labels = {}) {
      const key = `${name} ${JSON.stringify(labels)}`;
      let gauge = gauges.get(key);
      if (gauge === undefined) {
        gauge = { value: 0, labels };
        gauges.set(key, gauge);
      }
      if (meter !== undefined && !observed.has(name)) {
        observed.add(name);
        meter.createObservableGauge(name, { description: metrics[name] }).addCallback((result) => {
          for (const [at, { value, labels: with_ }] of gauges)
            if (at.startsWith(`${name} `)) result.observe(value, with_);
        });
      }
      const held = gauge;
      return {
        set: (value) => {
          held.value = value;
        },
      };
    },
    absorb(worker, figures) {
      for (const [name, labels, value] of figures.counters) {
        const key = `${name} ${JSON.stringify(labels)}`;
        const counter = absorbed.get(key) ?? observe.counter(name, labels);
        absorbed.set(key, counter);
        counter.add(value);
      }
      for (const [name, labels, value] of figures.gauges)
        observe.gauge(name, { ...labels, worker: `${worker}` }).set(value);
    },
    forget(worker) {
      // What has been exported once is exported for ever.
      for (const held of gauges.values()) if (held.labels['worker'] === `${worker}`) held.value = 0;
    },
    async [Symbol.asyncDispose]() {
      await provider?.shutdown();
    },
  };
  return observe;
}

function observeInWorker(logging: Logger, { take }: NonNullable<ObserveOptions['worker']>): Observing {
  const figures = new FigureGatherer();
  const handOver = setInterval(() => take(figures.take()), HAND_OVER_MS).unref();
  return {
    ...logging,
    counter: (name, labels = {}) => figures.counter(name, labels),
    gauge: (name, labels = {}) => figures.gauge(name, labels),
    absorb() {},
    forget() {},
    async [Symbol.asyncDispose]() {
      clearInterval(handOver);
      take(figures.take());
    },
  };
}

function createLogger(options: ObserveOptions): pino.Logger {
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: options.worker === undefined ? { name: 'sluice' } : { name: 'sluice', worker: options.worker.number },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: {
      err: pino.stdSerializers.err,
      error: (value) => (value instanceof Error ? pino.stdSerializers.err(value) : value),
    },
  };
  if (!options.pretty) return pino(settings, pino.destination(2));
  // Level labels are pino-pretty's own business: a formatter for them is not allowed on a transport.
  const { formatters: _, ...plain } = settings;
  return pino({
    ...plain,
    transport: {
      target: 'pino-pretty',
      options: { destination: 2, ignore: 'pid,hostname,name', translateTime: 'HH:MM:ss.l' },
    },
  });
}
