import { diff } from '@asyncapi/diff';
import { describe, expect, test } from 'vitest';
import { type GrantRecord, narrowContract } from '../../src/core/access/index.ts';
import {
  type Contract,
  compareCatalogues,
  compareContracts,
  isBreaking,
  isPromised,
  verdictOf,
} from '../../src/core/contract/index.ts';
import {
  compareDocumentsOf,
  compareSchemas,
  type DiffItem,
  type DocumentDiff,
  eventTypeOf,
} from '../../src/core/surface/index.ts';
import { documentsOf, rows } from './changed.ts';
import { contractOf, type Document, product, yamlOf } from './documents.ts';

const documentDiff: DocumentDiff = (old, now) =>
  (diff(old, now).getOutput() as { readonly changes: readonly DiffItem[] }).changes;

function changesOf(old: Document, now: Document) {
  const texts = { old: yamlOf(old), now: yamlOf(now) };
  return compareContracts(contractOf(old), contractOf(now), texts);
}

/** As a grant without any role, and one with every role, are shown it. */
function audiences(contract: Contract): readonly Contract[] {
  const grant = (roles: readonly string[]): GrantRecord => ({
    v: 1,
    id: 'grant',
    application: 'app',
    apiProduct: contract.product,
    plan: 'direct',
    roles: [...roles],
    restrictions: {},
    state: 'ACCEPTED',
    createdAt: 0,
    endedAt: null,
  });
  return [[], ['reader', 'writer']].flatMap((roles) => narrowContract(contract, grant(roles), 'salt') ?? []);
}

describe('a change of a contract', () => {
  test('is tried in at least sixty ways', () => {
    expect(rows.length).toBeGreaterThanOrEqual(60);
    expect(new Set(rows.map(({ title }) => title)).size).toBe(rows.length);
  });

  test.each(rows)('has its class: $title', (row) => {
    const { old, now } = documentsOf(row);
    const changes = changesOf(old, now).filter(({ rule }) => rule !== 'version');
    expect(changes.map(({ kind, rule, path }) => `${kind} ${rule} ${path}`)).toEqual(row.expected);
    for (const { what, why } of changes) expect([what, why].every((words) => words.length > 5)).toBe(true);
  });

  test.each(rows)('is as bad as graphql-js says of what partners are shown: $title', (row) => {
    const { old, now } = documentsOf(row);
    const kinds = new Set(changesOf(old, now).map(({ kind }) => kind));
    const [before, after] = [contractOf(old), contractOf(now)];
    // What is not served is shown to nobody, and a status is no matter of schemas.
    if (!isPromised(before) || !isPromised(after)) return expect(kinds.has('documentation')).toBe(true);
    const [olds, nows] = [audiences(before), audiences(after)];
    for (const [index, shown] of olds.entries()) {
      const other = nows[index];
      const said = compareSchemas([shown], other === undefined ? [] : [other]);
      for (const { kind, what } of said) expect([...kinds, 'compatible'], what).toContain(kind);
    }
  });

  test.each(rows)('is as bad as the documents say: $title', (row) => {
    const { old, now } = documentsOf(row);
    const kinds = new Set<string>(changesOf(old, now).map(({ kind }) => kind));
    const said = compareDocumentsOf(documentDiff, contractOf(old), contractOf(now));
    const breaking = said.filter(({ kind }) => kind.startsWith('breaking'));
    for (const { kind, path, what } of breaking) expect([...kinds], `${path}: ${what}`).toContain(kind);
  });

  test.each(rows)('changes the CloudEvents type exactly where it says so: $title', (row) => {
    const { old, now } = documentsOf(row);
    const named = changesOf(old, now).some(({ rule }) => ['name', 'type-name', 'event-type'].includes(rule));
    expect(eventTypeOf(contractOf(old)) !== eventTypeOf(contractOf(now))).toBe(named);
  });
});

describe('a version', () => {
  const withField = (version: string): Document => {
    const document = product();
    document.version = version;
    document.schema[0].properties.push({ name: 'note', logicalType: 'string' });
    return document;
  };
  const versionOf = (now: Document) => changesOf(product(), now).find(({ rule }) => rule === 'version');

  test.each([
    ['1.2.0', 'the version is still 1.2.0', 'a compatible change raises at least the minor version: 1.3.0'],
    ['1.2.1', 'the version goes from 1.2.0 to 1.2.1', 'a compatible change raises at least the minor version: 1.3.0'],
    ['1.3.0', 'the version goes from 1.2.0 to 1.3.0', 'it says what has changed'],
    ['2.0.0', 'the version goes from 1.2.0 to 2.0.0', 'it says what has changed'],
    ['1.1.9', 'the version goes from 1.2.0 to 1.1.9', 'it goes back: versions only rise'],
  ])('%s of a field more says or does not say it', (version, what, why) => {
    expect(versionOf(withField(version))).toMatchObject({ kind: 'documentation', path: 'version', what, why });
  });

  test('of words alone is a patch, of what breaks a major', () => {
    const described = product();
    described.schema[0].properties[4].description = 'In kg.';
    expect(versionOf(described)?.why).toContain('1.2.1');
    const broken = product();
    broken.schema[0].properties.splice(4, 1);
    expect(versionOf(broken)?.why).toBe('a breaking change is a new major version: 2.0.0');
  });
});

describe('a verdict', () => {
  const verdict = (old: Document, now: Document) => {
    const [before, after] = [contractOf(old), contractOf(now)];
    return verdictOf(before, after, compareContracts(before, after));
  };
  const broken = (members: Document = {}): Document => {
    const document = { ...product(), ...members };
    document.schema[0].properties.splice(4, 1);
    return document;
  };

  test('tells what may take the place of a contract', () => {
    expect(verdict(product(), product())).toBe('same');
    expect(verdict(product(), { ...product(), tags: ['a'] })).toBe('compatible');
    expect(verdict(product(), broken())).toBe('breaking');
    expect(verdict(product(), broken({ version: '1.9.0' }))).toBe('breaking');
    expect(verdict(product(), broken({ version: '2.0.0' }))).toBe('new-major');
    for (const status of ['proposed', 'draft', 'retired'])
      expect(verdict({ ...product(), status }, broken())).toBe('not-promised');
    expect(verdict({ ...product(), status: 'deprecated' }, broken())).toBe('breaking');
    expect(verdict({ ...product(), version: '2.0.0' }, broken({ version: '1.2.0' }))).toBe('breaking');
  });

  test('on a new major names nothing that the major changes by itself', () => {
    const [old, now] = [contractOf(product()), contractOf({ ...product(), version: '2.0.0' })];
    expect(compareContracts(old, now).map(({ rule }) => rule)).toEqual(['version']);
  });
});

describe('two directories', () => {
  const contract = (members: Document, type = 'OrderEvent'): Contract => {
    const document = { ...product(), ...members };
    document.schema[0].name = type;
    return contractOf(document);
  };

  test('differ by the products that come, change and go, in order', () => {
    const olds = [
      contract({}),
      contract({ name: 'bills' }, 'BillEvent'),
      contract({ name: 'notes', status: 'draft' }, 'NoteEvent'),
    ];
    const nows = [
      contract({ tags: ['a'] }),
      contract({ version: '2.0.0' }),
      contract({ name: 'parcels' }, 'ParcelEvent'),
    ];
    const found = compareCatalogues(olds, nows);
    expect(found.map(({ product: name, verdict }) => [name, verdict])).toEqual([
      ['bills', 'withdrawn'],
      ['notes', 'removed'],
      ['orders', 'compatible'],
      ['orders-v2', 'new-major'],
      ['parcels', 'added'],
    ]);
    expect(found[0]?.changes.map(({ kind }) => kind)).toEqual(['breaking-readers', 'breaking-publishers']);
    expect(found.flatMap(({ changes }) => changes).filter(isBreaking)).toHaveLength(2);
  });

  test('say of an old major that goes that the new one does not stand in for it', () => {
    const [gone, next] = compareCatalogues([contract({})], [contract({ version: '2.0.0' })]);
    expect(gone).toMatchObject({ product: 'orders', verdict: 'withdrawn' });
    expect(gone?.changes[0]?.why).toContain('keep it beside orders-v2');
    expect(next).toMatchObject({ product: 'orders-v2', verdict: 'new-major', old: { version: '1.2.0' } });
  });
});
