/**
 * What the benches send: trades of 12 fields in records of 300 bytes of JSON, of which partners select 6. Every record tells
 * its partition and its number within it, so that a receiver sees gaps and repetitions, and when it was made.
 */
import type { ProductSpec } from '../../test/gateway/node.ts';

export const PARTITIONS = 12;

export const trades: ProductSpec = {
  name: 'trades',
  topic: 'trades',
  type: 'TradeEvent',
  template: 'trades/{region}/{symbol}',
  fields: {
    orderId: 'string',
    customerId: 'string',
    region: 'string',
    status: 'string',
    symbol: 'string',
    side: 'string',
    quantity: 'integer',
    price: 'number',
    currency: 'string',
    venue: 'string',
    ts: 'string',
    note: 'string',
  },
};

const FIELDS = 'orderId customerId status quantity price ts';
export const plainQuery = `subscription { trades { data { ${FIELDS} } } }`;
export const cursorQuery = `subscription { trades { cursor data { ${FIELDS} } } }`;
/** The same of the usual stack, whose events are the records themselves. */
export const usualQuery = `subscription { trades { ${FIELDS} } }`;

const regions = ['eu-west-1', 'us-east-1', 'us-west-2', 'sa-east-1', 'me-east-1'];

/**
 * The text of a record. All are equally long, and so is what is selected of them, so that bytes can be checked. `made` is in
 * nanoseconds of the monotonic clock, default now. Two lists of numbers stay clear of trailing zeros, which JSON would drop.
 */
export function trade(partition: number, sequence: number, made: bigint = process.hrtime.bigint()): string {
  const orderId = `${String(partition).padStart(2, '0')}-${String(sequence).padStart(9, '0')}`;
  const cents = 11 + (sequence % 9) + 10 * (sequence % 7);
  return `{"orderId":"${orderId}","customerId":"cust-${String(sequence % 9973).padStart(6, '0')}","region":"${regions[sequence % 5]}","status":"FILLED","symbol":"ACME","side":"BUY","quantity":${100 + (sequence % 900)},"price":431.${cents},"currency":"EUR","venue":"XETRA-FRANKFURT","ts":"${String(made).padStart(19, '0')}","note":"good till cancelled, routed by smart order router"}`;
}
