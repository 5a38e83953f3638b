/** Rules on where a product's events are: Kafka server, format, envelope, Kafka topic. */
import type { Placed, Report } from '../findings.ts';
import type { Contract } from '../model.ts';
import { suggestion } from '../nearest.ts';

const formats = ['json'];
const envelopes = ['none'];
const laterFormats = ['avro', 'protobuf'];
const laterEnvelopes = ['debezium', 'outbox'];

/** The one schema object that is a Kafka topic; null where there is none. Several are a finding. */
export function findTopicObject(root: Placed, report: Report): Placed | null {
  const topics = root.at('schema').list.filter((object) => object.at('physicalType').text === 'topic');
  for (const other of topics.slice(1)) {
    report.error(
      'one-topic',
      other.at('physicalType'),
      'a second topic object',
      'one Kafka topic a document: give each its own contract',
    );
  }
  return topics[0] ?? null;
}

export function readSource(
  root: Placed,
  object: Placed | null,
  envelope: Placed | undefined,
  report: Report,
): Contract['source'] {
  const servers = root.at('servers').list.filter((server) => server.at('type').text === 'kafka');
  for (const other of servers.slice(1)) {
    report.error(
      'one-kafka-server',
      other,
      'a second Kafka server',
      'one: Sluice could not know which of them to read',
    );
  }
  const server = servers[0];
  const format = server === undefined ? 'json' : readFormat(server.at('format'), report);
  const wrapping = readEnvelope(envelope, report);
  const topic = object === null ? null : readTopicName(object, report);
  if (server === undefined || object === null) {
    if (server !== undefined && root.at('schema').list.length > 0) {
      report.warning(
        'not-served',
        root.at('schema'),
        'no schema object has physicalType "topic": the product is listed and not served',
        'add "physicalType: topic" and the Kafka topic as "physicalName"',
      );
    }
    return null;
  }
  const cluster = server.at('server').text;
  if (cluster !== null && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(cluster)) {
    report.error(
      'cluster',
      server.at('server'),
      `"${cluster}" cannot be a cluster of the configuration`,
      'the name of an entry under "clusters", such as aviation',
    );
  }
  return { cluster: cluster ?? '', topic: topic ?? '', format, envelope: wrapping };
}

function readFormat(place: Placed, report: Report): string {
  const format = place.text;
  if (format === null) return 'json';
  if (laterFormats.includes(format)) {
    report.error('format', place, `the format "${format}" cannot be read yet`, 'json');
  } else if (!formats.includes(format)) {
    report.error(
      'format',
      place,
      `"${format}" is no format of a Kafka topic`,
      suggestion(format, [...formats, ...laterFormats]),
    );
  }
  return format;
}

function readEnvelope(place: Placed | undefined, report: Report): string {
  if (place === undefined) return 'none';
  const envelope = place.text;
  if (envelope === null)
    report.error(
      'envelope',
      place,
      'the envelope is not text',
      `one of ${[...envelopes, ...laterEnvelopes].join(', ')}`,
    );
  else if (laterEnvelopes.includes(envelope))
    report.error('envelope', place, `the envelope "${envelope}" cannot be read yet`, 'none');
  else if (!envelopes.includes(envelope))
    report.error(
      'envelope',
      place,
      `"${envelope}" is no envelope`,
      suggestion(envelope, [...envelopes, ...laterEnvelopes]),
    );
  return envelope ?? 'none';
}

function readTopicName(object: Placed, report: Report): string | null {
  const place = object.at('physicalName');
  const topic = place.text;
  if (topic === null) {
    if (!place.present)
      report.error('kafka-topic', place, 'the Kafka topic has no name', 'add "physicalName: aviation.flights.v1"');
  } else if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic) || topic === '.' || topic === '..') {
    report.error(
      'kafka-topic',
      place,
      `"${topic}" is not a legal name of a Kafka topic`,
      'letters, digits, ".", "_" and "-", at most 249',
    );
  } else if (topic.startsWith('_sluice.') || topic.startsWith('__')) {
    report.error(
      'kafka-topic',
      place,
      `"${topic}" is internal`,
      'a data product is not read from the Kafka topics that Kafka or Sluice keep for themselves',
    );
  }
  return topic;
}
