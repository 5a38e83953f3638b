/** Access on a clock that the test moves, with a journal's records applied by hand. */
import { randomBytes } from 'node:crypto';
import {
  createAccess,
  createApplication,
  createGrant,
  createKey,
  type Decision,
  type FollowedAccess,
  type GrantRequest,
  type KeyRequest,
} from '../../src/core/access/index.ts';
import { type Contract, readContract } from '../../src/core/contract/index.ts';
import type { Logger } from '../../src/core/observe.ts';

export const maxStaleness = 30_000;
export const address = '192.0.2.7';

export class Setting {
  now = 1_000;
  wall = Date.UTC(2026, 10, 1);
  readonly lines: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
  readonly access: FollowedAccess;
  #offset = 0;

  constructor() {
    const log = (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      void this.lines.push({ message, fields });
    const observe: Logger = { debug: log, info: log, warn: log, error: log };
    this.access = createAccess({ clock: () => this.now, wall: () => this.wall, maxStaleness, observe });
    this.access.confirmed(this.now);
  }

  get circumstances() {
    return { now: this.wall, random: randomBytes };
  }

  /** Decides and applies, as a transaction of the journal does. */
  change<Answer>(decision: Decision<Answer>): Answer {
    for (const { topic, key, value } of decision.writes) this.put(key, value, topic);
    return decision.answer;
  }

  put(key: string, value: string | null, topic = 'applications'): void {
    this.access.apply({ topic, key, value, offset: this.#offset++, timestamp: this.wall });
  }

  application(name = 'Partner') {
    return this.change(createApplication(this.circumstances, { name }));
  }

  key(application: string, more: Omit<KeyRequest, 'application'> = {}) {
    return this.change(createKey(this.access.state, this.circumstances, { application, ...more }));
  }

  grant(application: string, product: string, more: Omit<GrantRequest, 'application' | 'product'> = {}) {
    return this.change(createGrant(this.access.state, this.circumstances, { application, product, ...more }, null));
  }

  /** An application with a key, and a grant to each product. */
  partner(products: readonly string[], more: Omit<GrantRequest, 'application' | 'product'> = {}) {
    const application = this.application();
    const key = this.key(application.id);
    const grants = products.map((product) => this.grant(application.id, product, more));
    return { application, key, grants, principal: this.access.authenticate(key.secret, address) };
  }
}

/** Every kind of nesting, masks at every depth, a template, a key, roles on operations. */
const ordersText = `
apiVersion: v3.1.0
kind: DataContract
id: urn:test:orders
name: orders
version: 1.0.0
status: active
team: {name: Orders, members: [{username: o@example.org, role: Owner}]}
roles: [{role: reader, access: read}, {role: insider, access: read}, {role: publisher, access: write}]
servers: [{server: main, type: kafka, host: "localhost:9092", format: json}]
schema:
  - name: OrderEvent
    physicalName: orders.v1
    physicalType: topic
    logicalType: object
    customProperties:
      - {property: topicTemplate, value: "orders/{region}"}
      - {property: messageKey, value: {fields: [orderId]}}
    properties:
      - {name: orderId, logicalType: string, physicalType: string, required: true}
      - {name: region, logicalType: string, physicalType: string, required: true}
      - {name: total, logicalType: number, physicalType: double}
      - name: email
        logicalType: string
        physicalType: string
        customProperties: [{property: privacy, value: {masking: hash, visibleTo: [insider]}}]
      - name: customer
        logicalType: object
        physicalType: object
        properties:
          - {name: country, logicalType: string, physicalType: string}
          - name: name
            logicalType: string
            physicalType: string
            customProperties: [{property: privacy, value: {masking: redact, visibleTo: [insider]}}]
      - name: lines
        logicalType: array
        physicalType: array
        items:
          logicalType: object
          physicalType: object
          properties:
            - {name: sku, logicalType: string, physicalType: string}
            - name: cost
              logicalType: number
              physicalType: double
              customProperties: [{property: privacy, value: {masking: "null", visibleTo: []}}]
customProperties:
  - property: operations
    value: [{kind: subscribe, roles: [reader]}, {kind: query, roles: [reader]}, {kind: publish, roles: [publisher]}]
`;

/** As a domain team writes it; `edit` changes the text first. */
export function readOrders(edit: (text: string) => string = (text) => text): Contract {
  const { contract, findings } = readContract(edit(ordersText), 'orders.odcs.yaml');
  if (contract === null) throw new Error(findings.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  return contract;
}

export const orders = readOrders();
/** Without masks, and operations that ask for no role. */
export const parcels = readOrders((text) =>
  text
    .replaceAll('orders', 'parcels')
    .replaceAll('OrderEvent', 'ParcelEvent')
    .replaceAll(/\n *customProperties: \[\{property: privacy[^\n]*/g, '')
    .replaceAll(/, roles: \[\w+\]\}/g, '}'),
);
