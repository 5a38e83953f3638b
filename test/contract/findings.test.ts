import { describe, expect, test } from 'vitest';
import { formatFindings, readContract } from '../../src/core/contract/index.ts';

describe('findings', () => {
  const text = `# two lines
# of comment
apiVersion: v3.2.0
kind: DataContract
id: x
name: orders
version: 1.0.0
statuss: active
status: active
servers:
  - {server: a, type: kafka, format: json}
schema:
  - name: OrderEvent
    physicalName: "a b"
    physicalType: topic
    properties: &shared
      - name: id
        logicalType: strin
        required: true
customProperties:
  - property: replay
    value:
      maxDepth:
`;

  test('have the line and column of the node at fault', () => {
    const { findings } = readContract(text, 'dir/orders.odcs.yaml');
    expect(findings.map(({ rule, line, column }) => [rule, line, column])).toEqual(
      [
        ['odcs-unknown-key', 8, 1],
        ['odcs-missing', 11, 5],
        ['topic-template', 13, 5],
        ['kafka-topic', 14, 19],
        ['odcs-value', 18, 22],
        ['operations', 20, 1],
        ['replay', 23, 7],
      ].map((entry) => (entry[0] === 'operations' ? ['operations', 21, 3] : entry)),
    );
    expect(new Set(findings.map((finding) => finding.file))).toEqual(new Set(['dir/orders.odcs.yaml']));
  });

  test('print like those of a compiler, with the line and a caret under the column', () => {
    const { findings } = readContract(text, 'orders.odcs.yaml');
    const printed = formatFindings(
      findings.filter(({ rule }) => rule === 'kafka-topic'),
      { text },
    );
    expect(printed).toBe(
      [
        'orders.odcs.yaml:14:19: error: "a b" is not a legal name of a Kafka topic [kafka-topic]',
        '  14 |     physicalName: "a b"',
        '     |                   ^',
        '  = letters, digits, ".", "_" and "-", at most 249',
      ].join('\n'),
    );
    expect(formatFindings(findings)).toContain('orders.odcs.yaml:14:19: error:');
  });

  test('point at the alias where a part of the document stands in two places', () => {
    const aliased = `apiVersion: v3.2.0\nkind: DataContract\nid: &x {a: 1}\nname: *x\nversion: 1.0.0\nstatus: active\n`;
    const found = readContract(aliased, 'f').findings.filter(({ rule }) => rule === 'odcs-type');
    expect(found.map(({ line, column }) => [line, column])).toEqual([
      [3, 8],
      [4, 7],
    ]);
  });

  test.each([
    ['broken YAML', 'a: [1,\nb: 2', 'yaml'],
    ['a key twice', 'name: a\nname: b\n', 'yaml'],
    ['two documents', 'a: 1\n---\nb: 2\n', 'yaml'],
    ['a list', '- a\n- b\n', 'yaml'],
    ['nothing', '', 'yaml'],
    ['text', 'just text', 'yaml'],
    ['an alias of nothing', 'a: *nothing\n', 'yaml'],
    [
      'aliases that multiply',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
        .split('')
        .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefg'[i]}`).join(',')}]`)
        .join('\n')}\n`,
      'yaml',
    ],
    ['nesting without end', `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'yaml'],
    ['a file that is too large', `a: "${'x'.repeat(2 * 1024 * 1024)}"`, 'yaml'],
  ])('%s is a finding, not an exception', (_label, document, rule) => {
    const { contract, findings } = readContract(document, 'f.odcs.yaml');
    expect(contract).toBeNull();
    expect(findings[0]).toMatchObject({ rule, severity: 'error', file: 'f.odcs.yaml' });
    expect(findings[0]?.line).toBeGreaterThan(0);
  });
});
