import { describe, expect, test } from 'vitest';
import { type Finding, readContract } from '../../src/core/contract/index.ts';
import { add, broken, custom, object, property } from './broken.ts';
import { type Document, product, yamlOf } from './documents.ts';

function findingsOf(change: (document: Document) => void): readonly Finding[] {
  const document = product();
  change(document);
  return readContract(yamlOf(document), 'test.odcs.yaml').findings;
}

describe('the rules beyond the standard', () => {
  test('leave a good document alone', () => {
    expect(findingsOf(() => {})).toEqual([]);
  });

  test.each(broken)(
    '%s: refuses %s, says what is wrong and what would be right',
    (rule, _label, change, message, hint) => {
      const document = product();
      change(document);
      const { contract, findings } = readContract(yamlOf(document), 'test.odcs.yaml');
      const found = findings.filter((finding) => finding.rule === rule && finding.severity === 'error');
      expect(found.map((finding) => finding.message).join('\n')).toContain(message);
      expect(found.map((finding) => finding.hint).join('\n')).toContain(hint);
      expect(contract).toBeNull();
    },
  );

  test('report everything that is wrong at once', () => {
    const rules = findingsOf((d) => {
      d.name = 'Orders';
      d.version = 'one';
      d.statuss = 'x';
      d.servers[0].format = 'avro';
      property(d, 'total').physicalType = 'decimal';
      object(d).customProperties[0].value = 'shop/{nowhere}';
      custom(d, 'replay').value.maxDepth = 'long';
    }).map((finding) => finding.rule);
    expect(rules).toEqual(
      expect.arrayContaining(['name', 'version', 'odcs-unknown-key', 'format', 'decimal', 'topic-template', 'replay']),
    );
    expect(rules.length).toBe(7);
  });

  test('warn of what is allowed and likely meant otherwise', () => {
    const warnings = (change: (d: Document) => void) =>
      findingsOf(change).map(({ severity, rule }) => `${severity} ${rule}`);
    expect(
      warnings((d) => {
        d.customProperties.push({ property: 'operation', value: [] });
      }),
    ).toEqual(['warning custom-property']);
    expect(
      warnings((d) => {
        d.status = 'deprecated';
      }),
    ).toEqual(['warning deprecation']);
    expect(warnings(add({ classification: 'restricted' }))).toEqual(['warning classification']);
    expect(warnings(add({ physicalName: 'x', transformLogic: '"x"' }))).toEqual(['warning derivation']);
    expect(
      warnings((d) => {
        delete object(d).physicalType;
      }),
    ).toEqual(['warning not-served']);
    expect(
      warnings((d) => {
        d.customProperties.shift();
      }),
    ).toEqual(['warning operations']);
  });

  test('let custom properties of others stand', () => {
    expect(
      findingsOf((d) => {
        d.customProperties.push({ property: 'costCentre', value: { any: ['thing'] } });
      }),
    ).toEqual([]);
  });
});
