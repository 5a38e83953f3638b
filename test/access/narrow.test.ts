import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GrantRequest } from '../../src/core/access/index.ts';
import {
  type Contract,
  type Field,
  type FieldType,
  type OperationKind,
  sealContract,
} from '../../src/core/contract/index.ts';
import { orders, parcels, Setting } from './setting.ts';

type Asked = Omit<GrantRequest, 'application' | 'product'>;
type Restrictions = NonNullable<Asked['restrictions']>;

const both: readonly Contract[] = [orders, parcels];

/** What a fresh partner with one grant to the contract is shown of it. */
function shownOf(
  contract: Contract,
  asked: Asked = {},
): { readonly setting: Setting; readonly contract: Contract | undefined } {
  const setting = new Setting();
  const { principal } = setting.partner([contract.product], asked);
  return { setting, contract: setting.access.narrow(principal, [contract])[0] };
}

/** Every field with its path, arrays and maps without a level of their own, with whatever masks lie on or above it. */
function* walk(
  fields: readonly Field[],
  at = '',
  above: readonly string[] = [],
): Generator<{ path: string; field: Field; masks: readonly string[] }> {
  for (const field of fields) {
    const path = at === '' ? field.name : `${at}.${field.name}`;
    const masks = field.mask === null ? above : [...above, field.mask];
    yield { path, field, masks };
    yield* walk(inside(field.type), path, masks);
  }
}

function inside(type: FieldType): readonly Field[] {
  if (type.kind === 'object') return type.fields;
  if (type.kind === 'array') return inside(type.items);
  return type.kind === 'map' ? inside(type.values) : [];
}

const paths = (contract: Contract | undefined): string[] => [...walk(contract?.fields ?? [])].map(({ path }) => path);
const masks = (contract: Contract | undefined): Record<string, unknown> =>
  Object.fromEntries(
    [...walk(contract?.fields ?? [])].flatMap(({ path, field }) => (field.mask === null ? [] : [[path, field.mask]])),
  );

describe('what a grant shows', () => {
  test('without a grant nothing, with one the product alone', () => {
    const setting = new Setting();
    const { principal } = setting.partner([]);
    expect(setting.access.narrow(principal, both)).toEqual([]);
    setting.grant(principal.application.id, 'parcels');
    expect(setting.access.narrow(principal, both).map(({ product }) => product)).toEqual(['parcels']);
  });

  test('where nothing is taken away it is the contract itself', () => {
    expect(shownOf(parcels).contract).toBe(parcels);
  });

  test.each([
    ['none', [], { email: 'hash', 'customer.name': 'redact', 'lines.cost': 'null' }],
    ['another role', ['reader'], { email: 'hash', 'customer.name': 'redact', 'lines.cost': 'null' }],
    ['the role that may see', ['insider'], { 'lines.cost': 'null' }],
  ])('masks at every depth follow the roles: %s', (_, roles, expected) => {
    expect(masks(shownOf(orders, { roles: ['reader', ...roles] }).contract)).toEqual(expected);
  });

  test.each<[string, Restrictions, readonly string[]]>([
    ['a field', { hidden: ['total'] }, ['total']],
    ['a field of an object', { hidden: ['customer.name'] }, ['customer.name']],
    ['a field of the objects in a list', { hidden: ['lines.cost'] }, ['lines.cost']],
    ['an object with all that is in it', { hidden: ['customer'] }, ['customer', 'customer.country', 'customer.name']],
    [
      'an object whose every field is hidden',
      { hidden: ['lines.sku', 'lines.cost'] },
      ['lines', 'lines.sku', 'lines.cost'],
    ],
  ])('hides %s', (_, restrictions, gone) => {
    const { contract } = shownOf(orders, { restrictions });
    expect(paths(contract)).toEqual(paths(orders).filter((path) => !gone.includes(path)));
  });

  test('a hidden key field takes the key with it', () => {
    const { contract } = shownOf(orders, { restrictions: { hidden: ['orderId'] } });
    expect(contract?.messageKey).toEqual([]);
    expect(shownOf(orders).contract?.messageKey).toEqual(['orderId']);
  });

  test('topics, rows and replay depth are kept in checked form; the salt only where something is hashed', () => {
    const rows = '{"region": {"eq": "eu"}, "email": {"isNull": false}}';
    const { setting, contract } = shownOf(orders, {
      restrictions: { topics: ['orders/eu', 'orders/%65u'], rows, replay: 'PT1H' },
    });
    expect(contract?.restriction).toEqual({
      topics: ['orders/eu', 'orders/eu'],
      rows: {
        op: 'and',
        of: [
          { op: 'eq', path: ['region'], kind: 'string', value: 'eu' },
          { op: 'isNull', path: ['email'], value: false },
        ],
      },
      replayMs: 3_600_000,
      salt: [...setting.access.state.applications.values()][0]?.salt,
    });
    expect(shownOf(orders, { roles: ['insider', 'reader'] }).contract?.restriction.salt).toBeNull();
  });

  test.each<[string, Restrictions, string]>([
    ['a hidden field that does not exist', { hidden: ['totl'] }, 'hidden field "totl" is not a field of orders'],
    ['a hidden field of the topic', { hidden: ['region'] }, 'field "region" is part of the topic'],
    ['rows over a field that does not exist', { rows: '{"regoin": {"eq": "eu"}}' }, 'there is no field "regoin"'],
    ['rows that are not JSON', { rows: 'region = eu' }, 'the row filter is not JSON'],
    ['rows that keep nothing back', { rows: '{}' }, 'the row filter holds no condition'],
    ['a malformed topic filter', { topics: ['orders//eu'] }, 'it is empty'],
    ['a duration that is none', { replay: 'yesterday' }, '"yesterday" is not a duration'],
  ])('a restriction that does not fit shows nothing, and the log says why: %s', (_, restrictions, why) => {
    const setting = new Setting();
    const { principal, grants } = setting.partner(['orders']);
    // Around the checks of creation, as when the contract has changed since.
    setting.put(`grant/${grants[0]?.id}`, JSON.stringify({ ...grants[0], restrictions }));
    expect(setting.access.narrow(principal, both)).toEqual([]);
    expect(setting.lines.at(-1)?.message).toBe('A grant shows nothing: its restrictions do not fit the contract');
    expect(setting.lines.at(-1)?.fields['why']).toContain(why);
  });

  test.each([
    ['proposed', false],
    ['draft', false],
    ['active', true],
    ['deprecated', true],
    ['retired', false],
  ] as const)('a contract that is %s is shown: %s', (status, shown) => {
    const contract = sealContract({ ...parcels, status });
    expect(shownOf(contract).contract !== undefined).toBe(shown);
  });

  test('a catalogued product is shown without operations', () => {
    const { contract } = shownOf(sealContract({ ...parcels, source: null }));
    expect(contract?.operations).toEqual({});
    expect(paths(contract)).toEqual(paths(parcels));
  });
});

describe('operations', () => {
  const kinds: readonly OperationKind[] = ['subscribe', 'query', 'publish'];

  test.each<[string, Contract, Asked, readonly OperationKind[]]>([
    ['no roles asked, none named', parcels, {}, ['subscribe', 'query', 'publish']],
    ['roles asked, none named: reading only', orders, {}, ['subscribe', 'query']],
    ['the reader role', orders, { roles: ['reader'] }, ['subscribe', 'query']],
    ['the publisher role alone', orders, { roles: ['publisher'] }, ['publish']],
    ['both', orders, { roles: ['reader', 'publisher'] }, ['subscribe', 'query', 'publish']],
    ['a role that none asks for', orders, { roles: ['insider'] }, []],
    ['restricted rows', parcels, { restrictions: { rows: '{"region":{"eq":"eu"}}' } }, ['subscribe', 'query']],
    ['restricted topics', parcels, { restrictions: { topics: ['parcels/eu'] } }, ['subscribe', 'query']],
    ['hidden fields', parcels, { restrictions: { hidden: ['total'] } }, ['subscribe', 'query']],
    ['a shorter replay', parcels, { restrictions: { replay: 'P1D' } }, ['subscribe', 'query', 'publish']],
  ])('%s', (_, contract, asked, allowed) => {
    const setting = new Setting();
    const { principal, grants } = setting.partner([contract.product], asked);
    const [shown] = setting.access.narrow(principal, [contract]);
    expect(Object.keys(shown?.operations ?? {}).sort()).toEqual([...allowed].sort());
    for (const kind of kinds) {
      // The contract as read and as narrowed are decided alike.
      for (const asked of [contract, shown ?? contract]) {
        const authorise = () => setting.access.authorise(principal, asked, kind).id;
        if (allowed.includes(kind)) expect(authorise()).toBe(grants[0]?.id);
        else expect(authorise).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
      }
    }
  });

  test('of a product without a grant, a retired one, and a product of another major are not found', () => {
    const setting = new Setting();
    const { principal } = setting.partner(['parcels']);
    for (const contract of [
      orders,
      sealContract({ ...parcels, status: 'retired' }),
      sealContract({ ...parcels, major: 2, product: 'parcels-v2' }),
    ]) {
      expect(() => setting.access.authorise(principal, contract, 'subscribe')).toThrow(
        expect.objectContaining({ code: 'NOT_FOUND' }),
      );
    }
  });

  test('of several grants the oldest is charged', () => {
    const setting = new Setting();
    const { principal, grants } = setting.partner(['parcels']);
    setting.put('grant/grant-0', JSON.stringify({ ...grants[0], id: 'grant-0', createdAt: setting.wall + 1 }));
    expect(setting.access.authorise(principal, parcels, 'query').id).toBe(grants[0]?.id);
    setting.put('grant/grant-1', JSON.stringify({ ...grants[0], id: 'grant-1', createdAt: setting.wall - 1 }));
    expect(setting.access.authorise(principal, parcels, 'query').id).toBe('grant-1');
  });
});

describe('sharing', () => {
  test('partners who are shown the same get the same array, whatever their salts where nothing is hashed', () => {
    const setting = new Setting();
    const [one, two] = [setting.partner(['parcels']), setting.partner(['parcels'])];
    expect(setting.access.narrow(one.principal, both)).toBe(setting.access.narrow(two.principal, both));
  });

  test('a hashed field keeps partners apart, and their salts with them', () => {
    const setting = new Setting();
    const [one, two] = [setting.partner(['orders']), setting.partner(['orders'])];
    const [first, second] = [
      setting.access.narrow(one.principal, both)[0],
      setting.access.narrow(two.principal, both)[0],
    ];
    expect(first?.restriction.salt).toBe(one.application.salt);
    expect(second?.restriction.salt).toBe(two.application.salt);
    expect(first?.digest).not.toBe(second?.digest);
  });

  test('the answer follows grants at once, and the array changes with it', () => {
    const setting = new Setting();
    const { principal } = setting.partner(['parcels']);
    const before = setting.access.narrow(principal, both);
    expect(setting.access.narrow(principal, both)).toBe(before);
    const digest = principal.digest;
    const grant = setting.grant(principal.application.id, 'orders');
    expect(setting.access.narrow(principal, both).map(({ product }) => product)).toEqual(['orders', 'parcels']);
    expect(principal.digest).not.toBe(digest);
    setting.put(`grant/${grant.id}`, JSON.stringify({ ...grant, state: 'PAUSED' }));
    expect(setting.access.narrow(principal, both)).toBe(before);
    expect(principal.digest).toBe(digest);
  });
});

describe('property', () => {
  const roles = ['a', 'b', 'c'];
  const privacy = fc.option(
    fc.record({
      masking: fc.constantFrom('hash', 'redact', 'null' as const),
      visibleTo: fc.uniqueArray(fc.constantFrom(...roles)),
    }),
  );
  const plain = {
    required: false,
    description: null,
    derivation: null,
    deprecated: null,
    values: [],
    classification: null,
    mask: null,
    examples: [],
    format: null,
  };
  const { type } = fc.letrec<{ type: FieldType; fields: readonly Field[] }>((tie) => ({
    type: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      fc.constant<FieldType>({ kind: 'string' }),
      tie('fields').map((fields): FieldType => ({ kind: 'object', name: 'Any', fields })),
      tie('type').map((items): FieldType => ({ kind: 'array', items, itemsRequired: true })),
      tie('type').map((values): FieldType => ({ kind: 'map', name: 'Any', values, valuesRequired: true })),
    ),
    fields: fc.uniqueArray(
      fc.record({ name: fc.constantFrom('p', 'q', 'r', 's'), type: tie('type'), privacy }).map(
        ({ name, type, privacy }): Field => ({
          ...plain,
          name,
          type,
          privacy: privacy as Field['privacy'],
          path: [name],
        }),
      ),
      { selector: ({ name }) => name, minLength: 1, maxLength: 4 },
    ),
  })) as unknown as { type: fc.Arbitrary<FieldType> };
  const fields = type.filter((type) => type.kind === 'object').map((type) => inside(type));

  test('what is hidden is nowhere in a narrowed contract, and what is masked is nowhere without its mask', () => {
    let hiddenSeen = 0;
    let maskedSeen = 0;
    fc.assert(
      fc.property(fields, fc.subarray(roles), fc.array(fc.nat(), { maxLength: 3 }), (fields, granted, picks) => {
        const contract = sealContract({ ...parcels, fields, template: [{ literal: 'parcels' }], messageKey: [] });
        const known = [...walk(fields)];
        const hidden = [...new Set(picks.map((pick) => known[pick % known.length]?.path ?? ''))];
        const { contract: shown } = shownOf(contract, { roles: granted, restrictions: { hidden } });
        const left = new Map([...walk(shown?.fields ?? [])].map((entry) => [entry.path, entry]));
        for (const { path, field } of known) {
          const isHidden = hidden.some((gone) => path === gone || path.startsWith(`${gone}.`));
          const found = left.get(path);
          if (isHidden) {
            hiddenSeen++;
            expect(found).toBeUndefined();
          } else if (found !== undefined) {
            const allowed = field.privacy === null || field.privacy.visibleTo.some((role) => granted.includes(role));
            if (!allowed) maskedSeen++;
            expect(found.field.mask).toBe(allowed ? null : field.privacy?.masking);
          }
        }
        for (const [path] of left) expect(known.some((entry) => entry.path === path)).toBe(true);
      }),
      { numRuns: 500 },
    );
    expect(hiddenSeen).toBeGreaterThan(500);
    expect(maskedSeen).toBeGreaterThan(500);
  });
});
