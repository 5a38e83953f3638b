/** What a stream says beside its events: CloudEvents too, whose types begin with `sluice.`. */
import { randomUUID } from 'node:crypto';
import type { Notice } from '../../../core/delivery/index.ts';
import { asSluiceError, type SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import { streamPath } from '../../../core/surface/index.ts';

type ControlType = 'sluice.ready' | 'sluice.progress' | 'sluice.gap' | 'sluice.notice' | 'sluice.error';

/** What the names of products are made of; anything else in a path is no source of events. */
const PRODUCT = /^[a-z0-9-]{1,100}$/;

/** JSON text. `product` is as the client wrote it. */
export function controlEvent(product: string, type: ControlType, cursor: string | null, data: unknown): string {
  return JSON.stringify({
    specversion: '1.0',
    id: randomUUID(),
    source: streamPath(PRODUCT.test(product) ? product : '').replace(/\/$/, ''),
    type,
    time: new Date().toISOString(),
    ...(cursor === null ? {} : { cursor }),
    datacontenttype: 'application/json',
    data,
  });
}

export function noticeEvent(product: string, { code, ...notice }: Notice): string {
  return code === 'GAP'
    ? controlEvent(product, 'sluice.gap', null, notice)
    : controlEvent(product, 'sluice.notice', null, { code, ...notice });
}

export function errorEvent(product: string, error: SluiceError): string {
  const { cursor, ...shown } = errorBody(error);
  return controlEvent(product, 'sluice.error', typeof cursor === 'string' ? cursor : null, shown);
}

/** An error as this door shows it: code, message, when to try again, and what else the catalogue tells. */
export function errorBody(error: SluiceError): Readonly<Record<string, unknown>> {
  const { message, extensions } = error.toPublic();
  const { code, retry, ...details } = extensions;
  return { code, message, retry, ...details };
}

/** What a partner is shown of anything thrown, counted; what was not meant to be shown is logged and becomes INTERNAL. */
export function shownError(thrown: unknown, observe: Observe): SluiceError {
  const error = asSluiceError(thrown);
  if (error.code === 'INTERNAL') observe.error('the stream door failed to answer', { error: error.cause ?? error });
  observe.counter('sluice_errors_total', { code: error.code }).add(1);
  return error;
}
