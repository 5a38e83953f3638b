/**
 * CloudEvents that clients publish, in the three forms of the HTTP binding: one structured, a batch of structured ones, and binary, where
 * the attributes are headers and the body is the data. What is wrong with an envelope is told beside what is wrong with its data.
 */
import type { IncomingMessage } from 'node:http';
import { SluiceError } from '../../../core/errors.ts';
import type { StreamEvent, StreamViolation } from '../../../ways/ports.ts';
import { HttpRefusal } from '../wire/answers.ts';
import { headerOf } from '../wire/bodies.ts';

/** Events of one request. */
const MAX_EVENTS = 500;

const STRUCTURED = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';
const BINARY = 'application/json';

/** As W3C Trace Context has it. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

type Form = 'structured' | 'batch' | 'binary';

/** Which form the request is in. Errors: BAD_REQUEST with status 415. */
export function formOf(request: IncomingMessage): Form {
  const header = headerOf(request, 'content-type') ?? '';
  const [type = '', ...parameters] = header.split(';').map((part) => part.trim().toLowerCase());
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '');
  if (charset !== undefined && charset !== 'utf-8') throw new HttpRefusal(415, 'Only UTF-8 is understood.');
  if (type === STRUCTURED) return 'structured';
  if (type === BATCH) return 'batch';
  if (type === BINARY && request.headers['ce-specversion'] !== undefined) return 'binary';
  throw new HttpRefusal(
    415,
    `Events are published as ${STRUCTURED}, ${BATCH}, or ${BINARY} with the attributes as headers (ce-specversion, ce-id, ce-source, ce-type).`,
  );
}

/** `type` is what events of the product are called. Errors: BAD_REQUEST where the body is not what its form says. */
export function readEvents(
  request: IncomingMessage,
  form: Form,
  body: Buffer,
  type: string | null,
): readonly StreamEvent[] {
  const given = parse(body);
  const traceparent = headerOf(request, 'traceparent');
  if (form === 'structured') return [readEvent(given, 0, type, traceparent)];
  if (form === 'binary') return [readEvent({ ...attributesOf(request), data: given }, 0, type, traceparent)];
  if (!Array.isArray(given)) throw new SluiceError('BAD_REQUEST', 'A batch is a list of events.');
  if (given.length > MAX_EVENTS)
    throw new HttpRefusal(413, `A batch has at most ${MAX_EVENTS} events, not ${given.length}.`);
  return given.map((event, index) => readEvent(event, index, type, traceparent));
}

function parse(body: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new SluiceError('BAD_REQUEST', 'The body is not UTF-8.');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new SluiceError('BAD_REQUEST', 'The body is not JSON.');
  }
}

/** Header values are percent-encoded where they hold more than visible ASCII. */
function attributesOf({ headers }: IncomingMessage): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('ce-') && typeof value === 'string') attributes[name.slice(3)] = decoded(value);
  }
  return attributes;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function readEvent(given: unknown, event: number, type: string | null, traceparent: string | null): StreamEvent {
  const violations: StreamViolation[] = [];
  const wrong = (path: readonly string[], reason: string): void => void violations.push({ event, path, reason });
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    wrong([], 'expected a CloudEvent, a JSON object');
    return { data: null, traceparent: null, violations };
  }
  const attributes = given as Readonly<Record<string, unknown>>;
  if (attributes['specversion'] !== '1.0') wrong(['specversion'], 'expected "1.0"');
  for (const name of ['id', 'source'] as const) {
    const value = attributes[name];
    if (typeof value !== 'string' || value === '') wrong([name], 'expected a text that is not empty');
  }
  if (type !== null && attributes['type'] !== type) wrong(['type'], `expected "${type}"`);
  const content = attributes['datacontenttype'];
  if (content !== undefined && content !== null && !isJson(content))
    wrong(['datacontenttype'], 'expected "application/json"');
  if (attributes['data_base64'] !== undefined) wrong(['data_base64'], 'data are JSON: give them as "data"');
  const trace = attributes['traceparent'] ?? traceparent;
  return {
    data: attributes['data'],
    traceparent: typeof trace === 'string' && TRACEPARENT.test(trace) ? trace : null,
    violations,
  };
}

function isJson(content: unknown): boolean {
  return typeof content === 'string' && /^application\/([a-z0-9.-]+\+)?json\s*(;|$)/i.test(content);
}
