/**
 * The observe port on pino (logs) and OpenTelemetry (metrics: exported for Prometheus on a port of its own, pushed by OTLP).
 */
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import pino from 'pino';
import { type Labels, type MetricName, metrics, type Observe } from '../../core/observe.ts';

export interface ObserveOptions {
  readonly level: string;
  /** Lines for people instead of JSON. */
  readonly pretty: boolean;
  /** Where metrics are served; null: nowhere. */
  readonly metricsPort: number | null;
  /** Base URL of an OTLP collector over HTTP; null: none. */
  readonly otlp: string | null;
  readonly host: string;
}

export interface Observing extends Observe, AsyncDisposable {}

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

  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
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
    async [Symbol.asyncDispose]() {
      await provider?.shutdown();
    },
  };
}

function createLogger(options: ObserveOptions): pino.Logger {
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: { name: 'sluice' },
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
