/**
 * The observe port: how the core speaks to logs and metrics without knowing pino or OpenTelemetry.
 * Handles (`counter`, `gauge`) are asked for once and kept: the hot path only calls `add` and `set`.
 * Nothing here may throw, block or await.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(by: number): void;
}

export interface Gauge {
  set(value: number): void;
}

export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface Observe extends Logger {
  counter(name: MetricName, labels?: Labels): Counter;
  gauge(name: MetricName, labels?: Labels): Gauge;
}

/** Every metric that Sluice exports, with its help text; docs/OPERATIONS.md is held to it by a test. */
export const metrics = {
  sluice_records_read_total: 'Records read from a source, by product.',
  sluice_records_rejected_total: 'Records that broke their contract and were set aside, by product and reason.',
  sluice_events_delivered_total: 'Events handed to sockets, by product and door.',
  sluice_bytes_delivered_total: 'Bytes handed to sockets, by product and door.',
  sluice_subscriptions: 'Live subscriptions, by product.',
  sluice_subscriptions_behind: 'Live subscriptions served outside the live path, by product.',
  sluice_connections: 'Open connections, by door.',
  sluice_window_bytes: 'Bytes held in the shared window of recent events.',
  sluice_errors_total: 'Errors shown to partners, by code.',
  sluice_contracts: 'Contracts in force, by state (serving, catalogued).',
  sluice_contracts_broken: 'Contract files whose newest text was refused; the last good one is served.',
  sluice_cluster_up: '1 while a Kafka cluster answers, else 0, by cluster.',
  sluice_coordination_up: '1 while Redis answers, which says who the nodes of the site are, else 0.',
  sluice_site_nodes: 'Nodes of the site as this one knows them, itself included.',
  sluice_links_up: 'Links to other nodes of the site that are up.',
  sluice_partitions_read:
    'Partitions of products that this node reads live from Kafka, for itself or for others, while it wants them itself.',
  sluice_partitions_taken: 'Partitions of products that this node has live from other nodes of the site.',
  sluice_partition_silence_seconds:
    'Seconds since anything was heard of the live partition that has been silent longest.',
  sluice_site_avoided_total:
    'Times that a node of the site was not read from for a while since it was silent, refused or of another version.',
  sluice_state_age_seconds: 'Seconds since the state of record was last confirmed to be current.',
  sluice_links_refused_total: 'Links to other nodes that were refused before they began, by reason.',
  sluice_link_sent_bytes_total: 'Bytes of messages sent over links, as they travelled, by site.',
  sluice_link_received_bytes_total: 'Bytes of messages received over links, as they travelled, by site.',
} as const;

export type MetricName = keyof typeof metrics;
