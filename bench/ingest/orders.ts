/** The product that the ingest bench reads: records of 300 bytes with 12 fields, of which a contract shows 6. */
import { type Contract, readContract } from '../../src/core/contract/index.ts';

export const partitions = 12;
export const batches = 100;
/** Records of one batch of one partition. */
export const batchRecords = 250;
export const total = partitions * batches * batchRecords;

export const topics = { orders: 'orders', singles: 'singles' } as const;

const regions = ['eu-west-1', 'eu-central-1', 'us-east-1', 'ap-south-1', 'sa-east-1'];
const statuses = ['NEW', 'FILLED', 'CANCELLED'];

export function orderRecord(n: number): { readonly key: Buffer; readonly value: Buffer } {
  const orderId = String(n).padStart(12, '0');
  const members = [
    `"orderId":"${orderId}","customer":"cust-${n % 97}","region":"${regions[n % 5]}","symbol":"SYM${n % 300}"`,
    `"status":"${statuses[n % 3]}","side":"BUY","quantity":${100 + (n % 900)},"price":${431.25 + (n % 100) / 100}`,
    `"sequence":${1_845_000_000_000_000_000n + BigInt(n) * 65_537n},"at":"${new Date(1.7e12 + n).toISOString()}","venue":"XETRA"`,
  ].join(',');
  const value = `{${members},"note":"`;
  return { key: Buffer.from(`key-${n}`), value: Buffer.from(`${value.padEnd(298, 'x')}"}`) };
}

const shared = [
  '{name: region, logicalType: string, required: true}',
  '{name: symbol, logicalType: string, required: true}',
  '{name: status, logicalType: string, required: true}',
];

export const shown = {
  plain: [
    '{name: orderId, logicalType: string, required: true}',
    '{name: quantity, logicalType: integer, required: true}',
    '{name: price, logicalType: number, required: true}',
    ...shared,
  ],
  /** A 64-bit integer beyond 2^53, a decimal, a timestamp: what costs more to read. */
  exact: [
    '{name: orderId, physicalName: sequence, logicalType: integer, logicalTypeOptions: {format: i64}, required: true}',
    '{name: price, logicalType: number, physicalType: "decimal(12,2)", required: true}',
    '{name: at, logicalType: timestamp, required: true}',
    ...shared,
  ],
} as const;

/** Topics of four levels, a message key. */
export function ordersContract(properties: readonly string[], topic: string): Contract {
  const text = `apiVersion: v3.1.0
kind: DataContract
id: urn:bench:orders
name: orders
version: 1.0.0
status: active
servers: [{server: main, type: kafka, host: "127.0.0.1:9092", format: json}]
schema:
  - name: OrderEvent
    physicalName: ${topic}
    physicalType: topic
    logicalType: object
    customProperties:
      - {property: topicTemplate, value: "orders/{region}/{symbol}/{status}"}
      - {property: messageKey, value: {fields: [orderId]}}
    properties: [${properties.join(', ')}]
customProperties:
  - {property: operations, value: [{kind: subscribe}]}
`;
  const { contract, findings } = readContract(text, 'orders.odcs.yaml');
  if (contract === null) throw new Error(JSON.stringify(findings));
  return contract;
}
