/** `quality[]` of the standard: which members a check has follows from its type and from `metric`. */
import { z } from 'zod';
import {
  anything,
  authoritativeDefinitions,
  closed,
  customProperties,
  stableId,
  tags,
  text,
  unique,
} from './shared.ts';

const range = z.array(z.number()).length(2).refine(unique, 'expected two different numbers');

const operators = {
  mustBe: anything.optional(),
  mustNotBe: anything.optional(),
  mustBeGreaterThan: z.number().optional(),
  mustBeGreaterOrEqualTo: z.number().optional(),
  mustBeLessThan: z.number().optional(),
  mustBeLessOrEqualTo: z.number().optional(),
  mustBeBetween: range.optional(),
  mustNotBeBetween: range.optional(),
};

const members = {
  library: ['metric', 'rule', 'arguments', ...Object.keys(operators)],
  sql: ['query', ...Object.keys(operators)],
  custom: ['engine', 'implementation'],
};
const required = { library: ['metric'], sql: ['query'], custom: ['engine', 'implementation'] };

const check = closed({
  id: stableId.optional(),
  authoritativeDefinitions: authoritativeDefinitions.optional(),
  businessImpact: text.optional(),
  customProperties: customProperties.optional(),
  description: text.optional(),
  dimension: z
    .enum(['accuracy', 'completeness', 'conformity', 'consistency', 'coverage', 'timeliness', 'uniqueness'])
    .optional(),
  method: text.optional(),
  name: text.optional(),
  schedule: text.optional(),
  scheduler: text.optional(),
  severity: text.optional(),
  tags: tags.optional(),
  type: z.enum(['text', 'library', 'sql', 'custom']).optional(),
  unit: text.optional(),
  metric: z.enum(['nullValues', 'missingValues', 'invalidValues', 'duplicateValues', 'rowCount']).optional(),
  rule: text.optional(),
  arguments: z.record(z.string(), z.unknown()).optional(),
  query: text.optional(),
  engine: text.optional(),
  implementation: z.union([text, z.record(z.string(), z.unknown())]).optional(),
  ...operators,
});

const dependent = new Set(Object.values(members).flat());

export const quality = z.array(
  check.superRefine((value, context) => {
    const kinds: (keyof typeof members)[] = [];
    if (value.type === 'library' || value.metric !== undefined) kinds.push('library');
    if (value.type === 'sql') kinds.push('sql');
    if (value.type === 'custom') kinds.push('custom');
    const allowed = new Set(kinds.flatMap((kind) => members[kind]));
    const present = Object.keys(value);
    for (const name of present) {
      if (!dependent.has(name) || allowed.has(name)) continue;
      const belongs = Object.entries(members).find(([, names]) => names.includes(name))?.[0];
      context.addIssue({ code: 'custom', path: [name], message: `"${name}" belongs to checks of type ${belongs}` });
    }
    for (const name of kinds.flatMap((kind) => required[kind])) {
      if (!present.includes(name)) context.addIssue({ code: 'custom', path: [], message: `"${name}" is missing` });
    }
    const compared = present.filter((name) => name in operators);
    if ((kinds.includes('library') || kinds.includes('sql')) && compared.length !== 1) {
      context.addIssue({
        code: 'custom',
        path: compared[1] === undefined ? [] : [compared[1]],
        message: `a check has exactly one of ${Object.keys(operators).join(', ')}`,
      });
    }
  }),
);
