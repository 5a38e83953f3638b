/** What of offered contracts takes the place of accepted ones. */
import { describe, expect, test } from 'vitest';
import {
  AcceptedContracts,
  acceptContracts,
  type Contract,
  contractsTopic,
  forgetAccepted,
  type OfferedContract,
  settleContracts,
} from '../../src/core/contract/index.ts';
import type { JournalWrite } from '../../src/core/log/index.ts';
import { contractOf, type Document, product, yamlOf } from './documents.ts';

const offer = (document: Document, file = `${document.name}.odcs.yaml`): OfferedContract => ({
  contract: contractOf(document, file),
  text: yamlOf(document),
});
const changed = (members: Document = {}, change: (document: Document) => void = () => {}): Document => {
  const document = { ...product(), ...members };
  change(document);
  return document;
};
const withNote = (version: string): Document =>
  changed({ version }, (d) => d.schema[0].properties.push({ name: 'note', logicalType: 'string' }));
const withoutWeight = (version: string, members: Document = {}): Document =>
  changed({ version, ...members }, (d) => d.schema[0].properties.splice(4, 1));
const parcels = (members: Document = {}): Document =>
  changed({ name: 'parcels', ...members }, (d) => {
    d.schema[0].name = 'ParcelEvent';
  });

function put(into: AcceptedContracts, writes: readonly JournalWrite[]): AcceptedContracts {
  for (const write of writes) into.apply({ ...write, offset: 0, timestamp: 0 });
  return into;
}
const accepted = (...documents: Document[]): AcceptedContracts => {
  const offers = documents.map((document) => offer(document));
  return put(new AcceptedContracts(), acceptContracts(offers, 1).writes);
};
const inForce = (contracts: readonly Contract[]): readonly string[] =>
  contracts.map((contract) => `${contract.product} ${contract.version}`);

describe('an offered contract', () => {
  test('that nobody has accepted is not served until it is', () => {
    const { contracts, pending, refused } = settleContracts(new AcceptedContracts(), [offer(product())]);
    expect([contracts, refused]).toEqual([[], []]);
    expect(pending.map(({ contract }) => contract.product)).toEqual(['orders']);
  });

  test('that was accepted is in force, whatever its file is called by now', () => {
    const settled = settleContracts(accepted(product()), [offer(product(), 'other.odcs.yaml')]);
    expect(settled).toMatchObject({ contracts: [{ file: 'other.odcs.yaml' }], pending: [], refused: [], kept: [] });
  });

  test('that is compatible is to be accepted, and the old one is in force until then', () => {
    const { contracts, pending, refused } = settleContracts(accepted(product()), [offer(withNote('1.3.0'))]);
    expect([inForce(contracts), refused]).toEqual([['orders 1.2.0'], []]);
    expect(pending[0]?.contract.version).toBe('1.3.0');
  });

  test('that breaks a promise is refused with each reason at its place, and the old one stays in force', () => {
    const document = withoutWeight('1.3.0');
    document.schema[0].properties[3].required = false;
    const { contracts, pending, refused } = settleContracts(accepted(product()), [offer(document)]);
    expect([inForce(contracts), pending]).toEqual([['orders 1.2.0'], []]);
    expect(refused).toMatchObject([{ file: 'orders.odcs.yaml', serving: true }]);
    const line = yamlOf(document)
      .split('\n')
      .findIndex((text) => text.includes('name: total'));
    const findings = refused[0]?.findings ?? [];
    expect(findings.map(({ rule, message }) => `${rule}: ${message}`)).toEqual([
      'breaking: breaking for readers, fields.total: the field may be absent',
      'breaking: breaking for readers, fields.weight: the field "weight" is no longer there',
      'breaking: breaking for publishers, fields.weight: the field "weight" is no longer there',
    ]);
    expect(findings[0]).toMatchObject({ line: line + 1, severity: 'error' });
    expect(findings[0]?.hint).toContain('raise the major version (2.0.0)');
  });

  test('that breaks what was proposed, a draft or retired breaks no promise', () => {
    for (const status of ['proposed', 'draft', 'retired'])
      expect(
        settleContracts(accepted(changed({ status })), [offer(withoutWeight('1.3.0', { status }))]).pending,
      ).toHaveLength(1);
    expect(
      settleContracts(accepted(changed({ status: 'deprecated' })), [
        offer(withoutWeight('1.3.0', { status: 'deprecated' })),
      ]).refused,
    ).toHaveLength(1);
  });

  test('of a lower version changes nothing, though it would break nobody', () => {
    const { contracts, pending, refused } = settleContracts(accepted(changed({ version: '1.10.0', tags: ['a'] })), [
      offer(changed({ version: '1.9.0' })),
    ]);
    expect([inForce(contracts), pending]).toEqual([['orders 1.10.0'], []]);
    expect(refused).toMatchObject([
      {
        serving: true,
        findings: [{ rule: 'behind', line: 5, message: '1.9.0 is lower than 1.10.0, which is in force' }],
      },
    ]);
  });

  test('that another has taken the place of is not offered again', () => {
    const isSuperseded = (): boolean => true;
    const { contracts, pending, refused } = settleContracts(
      accepted(changed({ tags: ['a'] })),
      [offer(changed({ tags: ['b'] }))],
      { isSuperseded },
    );
    expect([contracts[0]?.tags, pending]).toEqual([['a'], []]);
    expect(refused).toMatchObject([{ serving: true, findings: [{ rule: 'superseded' }] }]);
  });

  test('is taken whatever it breaks where that is asked for', () => {
    for (const document of [withoutWeight('1.3.0'), withoutWeight('1.0.0')])
      expect(settleContracts(accepted(product()), [offer(document)], { isForced: true })).toMatchObject({
        pending: [{ contract: { version: document.version } }],
        refused: [],
      });
  });

  test('of a document that no Kafka would take is refused', () => {
    const long = changed({ description: { purpose: 'a'.repeat(300_001) } });
    expect(settleContracts(accepted(product()), [offer(long)])).toMatchObject({
      contracts: [{ version: '1.2.0' }],
      pending: [],
      refused: [{ serving: true, findings: [{ rule: 'document-size' }] }],
    });
  });

  test('of a new major stands beside the old one, also in its file', () => {
    const old = accepted(product());
    const next = offer(withoutWeight('2.0.0'));
    const beside = settleContracts(old, [offer(product()), next]);
    expect([inForce(beside.contracts), beside.pending.length, beside.kept]).toEqual([['orders 1.2.0'], 1, []]);
    put(old, acceptContracts([next], 2).writes);
    const instead = settleContracts(old, [next]);
    expect(inForce(instead.contracts)).toEqual(['orders-v2 2.0.0', 'orders 1.2.0']);
    expect([instead.kept, instead.refused]).toEqual([['orders'], []]);
  });

  test('of a new major ends an old one that was retired or never promised', () => {
    for (const status of ['retired', 'draft']) {
      const settled = settleContracts(accepted(changed({ status }), changed({ version: '2.0.0' })), [
        offer(changed({ version: '2.0.0' })),
      ]);
      expect([inForce(settled.contracts), settled.kept]).toEqual([['orders-v2 2.0.0'], []]);
    }
  });
});

describe('what was accepted', () => {
  test('is not in force where no file offers the product', () => {
    expect(settleContracts(accepted(product(), parcels()), [offer(parcels())]).contracts).toHaveLength(1);
  });

  test('elsewhere, with a cluster that is not configured here, gives way to what the file has', () => {
    const moved = changed({ version: '1.3.0' }, (d) => {
      d.servers[0].server = 'other';
    });
    const { contracts, refused } = settleContracts(accepted(moved), [offer(product())], { clusters: ['main'] });
    expect(inForce(contracts)).toEqual(['orders 1.2.0']);
    expect(refused).toMatchObject([
      { file: 'orders.odcs.yaml', serving: true, findings: [{ rule: 'cluster', file: 'orders.odcs.yaml' }] },
    ]);
  });

  test('elsewhere, with a type that a file here has, gives way to what the files have', () => {
    const taken = changed({ version: '1.3.0' }, (d) => {
      d.schema[0].properties.push({
        name: 'extra',
        logicalType: 'object',
        properties: [{ name: 'a', logicalType: 'string' }],
      });
    });
    const type = contractOf(taken).fields.find(({ name }) => name === 'extra')?.type as { name: string };
    const clashing = changed({ name: 'clashing' }, (d) => {
      d.schema[0].name = type.name;
    });
    const old = accepted(taken);
    put(old, acceptContracts([offer(clashing)], 1).writes);
    const { contracts, refused } = settleContracts(old, [offer(product()), offer(clashing)]);
    expect([...inForce(contracts)].sort()).toEqual(['clashing 1.2.0', 'orders 1.2.0']);
    expect(refused).toMatchObject([{ file: 'orders.odcs.yaml', serving: true, findings: [{ rule: 'unique-type' }] }]);
  });

  test.each([
    ['is no JSON', '{'],
    ['is of a newer version', JSON.stringify({ v: 2, product: 'orders', document: 'a', acceptedAt: 1 })],
    ['is of another product', JSON.stringify({ v: 1, product: 'parcels', document: 'a', acceptedAt: 1 })],
    [
      'holds no contract any more',
      JSON.stringify({ v: 1, product: 'orders', document: 'name: orders', acceptedAt: 1 }),
    ],
  ])('and %s is left as it is, and the file is served', (_label, value) => {
    const old = put(new AcceptedContracts(), [{ topic: contractsTopic, key: 'contract/orders', value }]);
    expect(settleContracts(old, [offer(withoutWeight('1.3.0'))])).toMatchObject({
      contracts: [{ version: '1.3.0' }],
      pending: [],
      refused: [],
    });
  });

  test('can be forgotten: then the file is as if it were new', () => {
    const old = put(accepted(product()), [forgetAccepted('orders')]);
    expect(settleContracts(old, [offer(withoutWeight('1.3.0'))])).toMatchObject({ contracts: [], refused: [] });
    expect(old.all()).toEqual([]);
  });

  test('is kept as the words of the document, with what a newer Sluice adds left alone', () => {
    const [write] = acceptContracts([offer(product())], 1_700_000_000_000).writes;
    expect(write).toMatchObject({ topic: 'contracts', key: 'contract/orders' });
    expect(JSON.parse(write?.value ?? '')).toEqual({
      v: 1,
      product: 'orders',
      document: yamlOf(product()),
      acceptedAt: 1_700_000_000_000,
    });
    const more = JSON.stringify({ ...JSON.parse(write?.value ?? ''), by: 'somebody' });
    const old = put(new AcceptedContracts(), [{ topic: 'contracts', key: 'contract/orders', value: more }]);
    expect(old.get('orders')?.contract?.version).toBe('1.2.0');
  });
});

test('contracts are accepted in batches that any Kafka takes, at least one at a time', () => {
  const long = (name: string, length: number): OfferedContract => ({
    contract: offer(parcels({ name })).contract,
    text: 'a'.repeat(length),
  });
  const pending = [long('a', 300_000), long('b', 90_000), long('c', 90_000), long('d', 1_000)];
  expect(acceptContracts(pending, 1).answer.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(acceptContracts(pending.slice(0, 1), 1).answer).toHaveLength(1);
  expect(acceptContracts([], 1)).toEqual({ writes: [], answer: [] });
});
