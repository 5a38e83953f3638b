import {
  buildSchema,
  execute,
  type GraphQLEnumType,
  GraphQLInputObjectType,
  GraphQLObjectType,
  GraphQLScalarType,
  isSpecifiedScalarType,
  parse,
  validateSchema,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { isReservedType } from '../../src/core/contract/names.ts';
import { createSurface, type HistoryPage, renderSdl, type SurfaceHandlers } from '../../src/core/surface/index.ts';
import { contract, field, flights, masked, orders } from './contracts.ts';

const none: SurfaceHandlers = {
  history: () => Promise.reject(new Error('no history here')),
  publish: () => Promise.reject(new Error('no publishing here')),
};
const surface = createSurface([flights, orders], none);

function typeOf(name: string, of = surface): GraphQLObjectType | GraphQLInputObjectType {
  const type = of.schema.getType(name);
  if (!(type instanceof GraphQLObjectType) && !(type instanceof GraphQLInputObjectType))
    throw new Error(`no object type ${name}`);
  return type;
}

function fieldsOf(name: string, of = surface): Record<string, string> {
  return Object.fromEntries(Object.entries(typeOf(name, of).getFields()).map(([key, { type }]) => [key, String(type)]));
}

function argumentsOf(root: string, name: string): Record<string, string> {
  const definition = (typeOf(root) as GraphQLObjectType).getFields()[name];
  return Object.fromEntries(
    (definition?.args ?? []).map((arg) => [
      arg.name,
      `${arg.type}${arg.defaultValue === undefined ? '' : ` = ${JSON.stringify(arg.defaultValue)}`}`,
    ]),
  );
}

describe('the schema made from contracts', () => {
  test('is valid, and its SDL builds the same schema again', () => {
    expect(validateSchema(surface.schema)).toEqual([]);
    expect(validateSchema(buildSchema(surface.sdl))).toEqual([]);
    expect(surface.sdl).toBe(renderSdl([flights, orders]));
    expect(renderSdl([flights, orders])).toBe(renderSdl([flights, orders]));
  });

  test('has the products even where there is no contract', () => {
    const empty = createSurface([], none);
    expect(validateSchema(empty.schema)).toEqual([]);
    expect(Object.keys(fieldsOf('Query', empty))).toEqual(['products', 'product']);
    expect(empty.schema.getSubscriptionType()).toBeUndefined();
    expect(empty.schema.getMutationType()).toBeUndefined();
    expect(empty.schema.getType('ReplayFrom')).toBeUndefined();
  });

  test('has the root fields with the arguments that partners were promised', () => {
    const stream = {
      topic: 'TopicFilter',
      where: 'FlightFilter',
      from: 'ReplayFrom = {"latest":true}',
      onLag: 'OnLag = "CATCH_UP"',
    };
    expect(argumentsOf('Subscription', 'flights')).toEqual(stream);
    expect(argumentsOf('Subscription', 'flightsBatch')).toEqual({
      ...stream,
      maxEvents: 'Int = 100',
      maxDelay: 'Duration = "PT0.1S"',
    });
    expect(argumentsOf('Query', 'flights')).toEqual({
      first: 'Int = 100',
      after: 'Cursor',
      from: 'ReplayFrom',
      topic: 'TopicFilter',
      where: 'FlightFilter',
    });
    expect(argumentsOf('Mutation', 'publishFlight')).toEqual({ input: 'FlightInput!' });
    expect(fieldsOf('Subscription')).toEqual({
      events: 'Event!',
      flights: 'FlightEvent!',
      flightsBatch: 'FlightEventBatch!',
      orders: 'OrderEvent!',
      ordersBatch: 'OrderEventBatch!',
    });
    expect(fieldsOf('Query')).toMatchObject({
      flights: 'FlightEventConnection!',
      orders: 'OrderEventConnection!',
      products: '[Product!]!',
      product: 'Product',
    });
    expect(fieldsOf('Mutation')).toEqual({ publishFlight: 'PublishReceipt!' });
    expect(fieldsOf('PublishReceipt')).toEqual({ cursor: 'Cursor!', time: 'DateTime!' });
  });

  test('maps every type of a contract', () => {
    expect(fieldsOf('Flight')).toEqual({
      flightId: 'String!',
      origin: 'String!',
      destination: 'String!',
      status: 'String!',
      delay: 'Int',
      minutesLate: 'Int',
      distance: 'Long!',
      fare: 'Decimal',
      speed: 'Float',
      cancelled: 'Boolean!',
      day: 'Date',
      departedAt: 'DateTime',
      boarding: 'Time',
      route: 'FlightRoute',
      labels: '[FlightLabels!]',
    });
    expect(fieldsOf('FlightRoute')).toEqual({ carrier: 'String!', legs: '[FlightRouteLegs!]', grid: '[[Int!]]' });
    expect(fieldsOf('FlightLabels')).toEqual({ key: 'String!', value: 'String!' });
    expect(fieldsOf('FlightLabelsInput')).toEqual({ key: 'String!', value: 'String!' });
    expect(fieldsOf('FlightInput')).not.toHaveProperty('minutesLate');
    expect(fieldsOf('FlightInput')).toMatchObject({
      flightId: 'String!',
      distance: 'Long!',
      delay: 'Int',
      route: 'FlightRouteInput',
      labels: '[FlightLabelsInput!]',
    });
  });

  test('makes data nullable only where the contract allows deletes', () => {
    expect(fieldsOf('FlightEvent')['data']).toBe('Flight!');
    expect(fieldsOf('OrderEvent')['data']).toBe('Order');
    const { data, ...envelope } = fieldsOf('FlightEvent');
    expect(envelope).toEqual({
      product: 'String!',
      cursor: 'Cursor!',
      topic: 'String!',
      key: 'String',
      time: 'DateTime!',
      op: 'ChangeOp!',
    });
    expect(data).toBeDefined();
    const event = surface.schema.getType('Event');
    expect(event).toBeDefined();
    expect((typeOf('FlightEvent') as GraphQLObjectType).getInterfaces()).toEqual([event]);
    expect((surface.schema.getType('ChangeOp') as GraphQLEnumType).getValues().map(({ name }) => name)).toEqual([
      'UPSERT',
      'DELETE',
    ]);
  });

  test('shows masked fields with the type that a partner receives and never lets them be filtered by', () => {
    expect(fieldsOf('Order')).toMatchObject({
      customer: 'String!',
      card: 'String!',
      total: 'Decimal',
      profile: 'String',
    });
    expect(fieldsOf('OrderFilter')).toEqual({
      orderId: 'StringFilter',
      address: 'OrderAddressFilter',
      contacts: 'NullFilter',
      and: '[OrderFilter!]',
      or: '[OrderFilter!]',
      not: 'OrderFilter',
    });
    expect(Object.keys(fieldsOf('OrderAddressFilter'))).not.toContain('street');
    expect(surface.schema.getType('OrderProfile')).toBeUndefined();
    expect((typeOf('Order') as GraphQLObjectType).getFields()['customer']?.description).toMatch(/Masked: a keyed hash/);
  });

  test('leaves out a filter where every field is masked, and a type where every field is hidden', () => {
    const closed = createSurface(
      [
        contract({
          name: 'closed',
          typeName: 'Closed',
          fields: [
            field('secret', 'string', masked('redact')),
            field('hollow', { kind: 'object', name: 'ClosedHollow', fields: [] }),
          ],
        }),
      ],
      none,
    );
    expect(validateSchema(closed.schema)).toEqual([]);
    expect(fieldsOf('Closed', closed)).toEqual({ secret: 'String!' });
    expect(closed.schema.getType('ClosedFilter')).toBeUndefined();
    expect(
      closed.schema
        .getSubscriptionType()
        ?.getFields()
        ['closed']?.args.map(({ name }) => name),
    ).toEqual(['topic', 'from', 'onLag']);
  });

  test('offers each comparison that the kind of a field has', () => {
    const order = ['eq', 'ne', 'in', 'gt', 'gte', 'lt', 'lte'];
    for (const kind of ['Int', 'Long', 'Float', 'Decimal', 'Date', 'DateTime', 'Time'])
      expect(Object.keys(fieldsOf(`${kind}Filter`))).toEqual([...order, 'isNull']);
    expect(Object.keys(fieldsOf('StringFilter'))).toEqual([...order, 'prefix', 'isNull']);
    expect(Object.keys(fieldsOf('BooleanFilter'))).toEqual(['eq', 'ne', 'in', 'isNull']);
    expect(fieldsOf('LongFilter')['in']).toBe('[Long!]');
    expect(fieldsOf('NullFilter')).toEqual({ isNull: 'Boolean' });
    expect(fieldsOf('FlightFilter')).toMatchObject({
      labels: 'NullFilter',
      route: 'FlightRouteFilter',
      delay: 'IntFilter',
    });
    expect(fieldsOf('FlightRouteFilter')).toEqual({
      carrier: 'StringFilter',
      legs: 'NullFilter',
      grid: 'NullFilter',
      isNull: 'Boolean',
      and: '[FlightRouteFilter!]',
      or: '[FlightRouteFilter!]',
      not: 'FlightRouteFilter',
    });
  });

  test('carries descriptions, documented values and deprecations of the contract', () => {
    const flight = (typeOf('Flight') as GraphQLObjectType).getFields();
    expect(flight['flightId']?.description).toBe('Identifies the flight.');
    expect(flight['status']?.description).toBe('Documented values: `DEP` (departed), `ARR`.');
    expect(flight['delay']?.deprecationReason).toBe('Use "minutesLate"');
    expect(surface.schema.getSubscriptionType()?.getFields()['flights']?.description).toBe(
      'Flights. Departures and arrivals of scheduled flights. At least once.',
    );
    const old = createSurface(
      [
        contract({
          name: 'old',
          typeName: 'Old',
          status: 'deprecated',
          deprecation: { noticePeriod: 'P90D', successor: 'old-v2' },
          fields: [field('a', 'int')],
        }),
      ],
      none,
    );
    const reason = 'Old 1.0.0 is deprecated. Use old-v2. Notice period: P90D.';
    expect(old.schema.getSubscriptionType()?.getFields()['old']?.deprecationReason).toBe(reason);
    expect(old.schema.getQueryType()?.getFields()['old']?.deprecationReason).toBe(reason);
  });

  test('quotes whatever a contract says, so that no text can change the schema', () => {
    const nasty = 'a """ b \\" } type Query { x: Int } \u0000 \ud800 \n c';
    const made = createSurface(
      [
        contract({
          name: 'odd',
          typeName: 'Odd',
          title: nasty,
          templateText: nasty,
          fields: [field('a', 'int', { description: nasty, deprecated: nasty })],
        }),
      ],
      none,
    );
    expect(validateSchema(made.schema)).toEqual([]);
    expect(validateSchema(buildSchema(made.sdl))).toEqual([]);
    expect(fieldsOf('Query', made)).not.toHaveProperty('x');
  });

  test('defines no type of its own that a contract could take', () => {
    const own = new Set([flights, orders].map(({ typeName }) => typeName));
    const standing = Object.keys(surface.schema.getTypeMap()).filter(
      (name) => !name.startsWith('__') && ![...own].some((typeName) => name.startsWith(typeName)),
    );
    expect(standing).toContain('ProductField');
    expect(standing.filter((name) => !isReservedType(name))).toEqual([]);
  });

  test('specifies its scalars and bounds what they accept', () => {
    const scalars = Object.values(surface.schema.getTypeMap()).filter(
      (type) => type instanceof GraphQLScalarType && !isSpecifiedScalarType(type),
    ) as GraphQLScalarType[];
    expect(scalars.map(({ name }) => name).sort()).toEqual([
      'Cursor',
      'Date',
      'DateTime',
      'Decimal',
      'Duration',
      'Long',
      'Time',
      'TopicFilter',
    ]);
    for (const scalar of scalars) expect(scalar.description).toBeTruthy();
    expect(
      scalars
        .filter(({ specifiedByURL }) => specifiedByURL)
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['Date', 'DateTime', 'Duration', 'Time']);
    const read = (name: string, value: unknown): unknown =>
      scalars.find((scalar) => scalar.name === name)?.parseValue(value);
    expect(read('Long', '-9223372036854775808')).toBe('-9223372036854775808');
    expect(read('Long', 12)).toBe('12');
    expect(read('Decimal', '0.10')).toBe('0.10');
    expect(read('DateTime', '2024-02-29T23:59:59.123456+01:00')).toBe('2024-02-29T23:59:59.123456+01:00');
    for (const [name, value] of [
      ['Long', '9223372036854775808'],
      ['Long', '1e3'],
      ['Long', 2 ** 53],
      ['Long', true],
      ['Decimal', '1.'],
      ['Decimal', 'NaN'],
      ['Date', '2023-02-29'],
      ['Date', '2023-2-1'],
      ['DateTime', '2023-02-29T00:00:00Z'],
      ['DateTime', '2024-01-01T00:00:00'],
      ['DateTime', 12],
      ['Time', '24:00:00'],
      ['Duration', 'P'],
      ['Duration', 'PT'],
      ['Duration', 'P1Y'],
      ['Duration', '5m'],
      ['Cursor', ''],
      ['Cursor', 'x'.repeat(20_000)],
      ['TopicFilter', 3],
    ] as const) {
      expect(() => read(name, value), `${name} ${String(value).slice(0, 40)}`).toThrow(/cannot represent/);
    }
  });

  test('tells which field belongs to which contract, and only what its operations allow', () => {
    expect(
      [...surface.subscription].map(
        ([
          name,
          {
            kind,
            contract: { product },
          },
        ]) => [name, kind, product],
      ),
    ).toEqual([
      ['flights', 'stream', 'flights'],
      ['flightsBatch', 'batch', 'flights'],
      ['orders', 'stream', 'orders'],
      ['ordersBatch', 'batch', 'orders'],
    ]);
    expect([...surface.query.keys()]).toEqual(['flights', 'orders']);
    expect([...surface.mutation.keys()]).toEqual(['publishFlight']);
    const silent = createSurface(
      [
        { ...flights, operations: {} },
        { ...orders, source: null },
      ],
      none,
    );
    expect(validateSchema(silent.schema)).toEqual([]);
    expect([silent.subscription.size, silent.query.size, silent.mutation.size]).toEqual([0, 0, 0]);
  });

  test('has one digest for equal contracts and another for every difference that shows', () => {
    expect(createSurface([{ ...flights, file: 'elsewhere.yaml' }, orders], none).digest).toBe(surface.digest);
    expect(createSurface([flights], none).digest).not.toBe(surface.digest);
    expect(
      createSurface([flights, { ...orders, restriction: { ...orders.restriction, salt: 'other' } }], none).digest,
    ).not.toBe(surface.digest);
  });
});

describe('execution', () => {
  test('lists the products as their contracts describe them', async () => {
    const query =
      '{ products { name version status title description usage limitations owner domain tags topicTemplate operations sla { property promised unit } deprecation { successor } fields { name type masking deprecationReason } } product(name: "orders") { name } missing: product(name: "nope") { name } }';
    const { data, errors } = await execute({ schema: surface.schema, document: parse(query) });
    expect(errors).toBeUndefined();
    expect(data).toMatchObject({ product: { name: 'orders' }, missing: null });
    const [first, second] = (data as { products: Record<string, unknown>[] }).products;
    expect(first).toMatchObject({
      name: 'flights',
      version: '1.0.0',
      status: 'ACTIVE',
      title: 'Flights',
      owner: 'Flight Operations',
      domain: 'aviation',
      tags: ['aviation', 'live'],
      topicTemplate: 'aviation/{origin}/{destination}/{status}',
      operations: ['SUBSCRIBE', 'QUERY', 'PUBLISH'],
      sla: [{ property: 'latency', promised: '2', unit: 's' }],
      deprecation: null,
    });
    expect(first?.['fields']).toContainEqual({
      name: 'route.carrier',
      type: 'String!',
      masking: null,
      deprecationReason: null,
    });
    expect(second?.['fields']).toContainEqual({
      name: 'customer',
      type: 'String!',
      masking: 'HASH',
      deprecationReason: null,
    });
  });

  test('hands history and publishing to the handlers with their contract, arguments and context', async () => {
    const seen: unknown[] = [];
    const page: HistoryPage = {
      edges: [],
      pageInfo: {
        hasNextPage: false,
        hasPreviousPage: false,
        startCursor: null,
        endCursor: 'c1',
        examined: 7,
        examinedUntil: 0,
      },
    };
    const { schema } = createSurface<string>([flights], {
      history: (of, args, context) => {
        seen.push([of.product, { ...args }, context]);
        return Promise.resolve(page);
      },
      publish: (of, input, context) => {
        seen.push([of.product, JSON.parse(JSON.stringify(input)), context]);
        return Promise.resolve({ cursor: 'c2', time: 1_700_000_000_000 });
      },
    });
    const history = await execute({
      schema,
      contextValue: 'me',
      document: parse(
        '{ flights(after: "c0", where: {delay: {gt: 3}}) { edges { cursor } pageInfo { endCursor examined examinedUntil startCursor } } }',
      ),
    });
    expect(JSON.parse(JSON.stringify(history))).toEqual({
      data: {
        flights: {
          edges: [],
          pageInfo: { endCursor: 'c1', examined: 7, examinedUntil: '1970-01-01T00:00:00.000Z', startCursor: null },
        },
      },
    });
    const input =
      '{flightId: "f", origin: "a", destination: "b", status: "DEP", distance: 12, cancelled: false, labels: [{key: "k", value: "v"}]}';
    const publish = await execute({
      schema,
      contextValue: 'me',
      document: parse(`mutation { publishFlight(input: ${input}) { cursor time } }`),
    });
    expect(JSON.parse(JSON.stringify(publish))).toEqual({
      data: { publishFlight: { cursor: 'c2', time: '2023-11-14T22:13:20.000Z' } },
    });
    expect(seen).toMatchObject([
      ['flights', { first: 100, after: 'c0', where: { delay: { gt: 3 } } }, 'me'],
      ['flights', { flightId: 'f', distance: '12', labels: [{ key: 'k', value: 'v' }] }, 'me'],
    ]);
  });
});
