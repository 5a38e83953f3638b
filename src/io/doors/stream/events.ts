/** `/v1/streams/{product}/events`: the product's past as pages of CloudEvents, and publishing to it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SluiceError } from '../../../core/errors.ts';
import { eventTypeOf, formatInstant } from '../../../core/surface/index.ts';
import type { PublishedEvents, PublishReceipt, Session, StreamHistory, StreamPublish } from '../../../ways/ports.ts';
import { preferred } from '../wire/accept.ts';
import { answerJson, answerText, HttpRefusal } from '../wire/answers.ts';
import { headerOf, readBody } from '../wire/bodies.ts';
import { formOf, readEvents } from './cloud-events.ts';
import { errorBody } from './control.ts';
import { readOnce } from './once.ts';
import { readHistoryUrl, readPublishUrl } from './parameters.ts';

const LINES = 'application/x-ndjson';
const BATCH = 'application/cloudevents-batch+json';

/** Errors: BAD_REQUEST, with status 406 where neither form is acceptable, and those of the way. */
export async function answerHistory(
  request: IncomingMessage,
  response: ServerResponse,
  asked: { readonly session: Session; readonly product: string; readonly url: URL; readonly history: StreamHistory },
): Promise<void> {
  const { session, product, url, history } = asked;
  const type = preferred(headerOf(request, 'accept'), [LINES, BATCH]);
  if (type === null) throw new HttpRefusal(406, `The past is told as ${LINES} or ${BATCH}: ask for one of them.`);
  const { operation, limit } = readHistoryUrl(product, url);
  const { events, cursor, hasMore } = await history(session, operation, limit);
  const text = type === LINES ? events.map((event) => `${event}\n`).join('') : `[${events.join(',')}]`;
  answerText(request, response, 200, text, {
    'Content-Type': type,
    'Sluice-Cursor': cursor,
    'Sluice-More': String(hasMore),
    Vary: 'Accept',
    ...(hasMore ? { Link: withLink(response, `<${nextPage(url, cursor)}>; rel="next"`) } : {}),
  });
}

/** Beside those that the response has. */
function withLink(response: ServerResponse, link: string): string {
  return [response.getHeader('Link') ?? [], link].flat().join(', ');
}

/** The same question from the cursor on, relative to the server. */
function nextPage(url: URL, cursor: string): string {
  const next = new URL(url);
  for (const name of ['after', 'since', 'last']) next.searchParams.delete(name);
  next.searchParams.set('after', cursor);
  return `${next.pathname}${next.search}`;
}

/** Errors: BAD_REQUEST, with status 413, 415, or 422 where the key is that of other events, and those of the way. */
export async function answerPublish(
  request: IncomingMessage,
  response: ServerResponse,
  asked: {
    readonly session: Session;
    readonly product: string;
    readonly url: URL;
    readonly publish: StreamPublish;
    readonly maxBytes: number;
  },
): Promise<void> {
  const { session, product, url, publish, maxBytes } = asked;
  const { isPartial } = readPublishUrl(url);
  const once = readOnce(request);
  const form = formOf(request);
  const body = await readBody(request, maxBytes);
  const contract = session.surface.contracts.find((candidate) => candidate.product === product);
  const events = readEvents(request, form, body, contract === undefined ? null : eventTypeOf(contract));
  const published = await publish(session, product, events, { isPartial, once });
  if (published === null)
    throw new HttpRefusal(
      422,
      'This Idempotency-Key was that of a request with other events: repeat that request as it was, or give this one a key of its own.',
    );
  const headers = published.isRepeated ? { 'Idempotency-Replayed': 'true' } : {};
  if (isPartial) return answerJson(request, response, 207, { events: published.events.map(result) }, headers);
  const receipts = published.events.map((receipt) => shown(receipt as PublishReceipt));
  answerJson(request, response, 201, { events: receipts }, headers);
}

function shown({ cursor, time }: PublishReceipt): Readonly<Record<string, unknown>> {
  return { cursor, time: formatInstant(time) };
}

function result(published: PublishedEvents[number]): Readonly<Record<string, unknown>> {
  if ('cursor' in published) return { status: 201, ...shown(published) };
  const error: SluiceError = published;
  return { status: error.status, error: errorBody(error) };
}
