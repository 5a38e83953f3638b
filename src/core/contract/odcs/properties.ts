/** `schema[]` of the standard: objects, their properties, and what each logical type allows. */
import { z } from 'zod';
import { quality } from './quality.ts';
import {
  anything,
  authoritativeDefinitions,
  canonical,
  closed,
  context,
  count,
  customProperties,
  integer,
  scalar,
  stableId,
  tags,
  text,
  unique,
} from './shared.ts';

export const logicalTypes = [
  'string',
  'date',
  'timestamp',
  'time',
  'number',
  'integer',
  'object',
  'array',
  'boolean',
  'map',
  'vector',
] as const;
export type LogicalType = (typeof logicalTypes)[number];

const element = {
  id: stableId.optional(),
  name: text,
  physicalType: text.optional(),
  description: text.optional(),
  businessName: text.optional(),
  deprecated: z.boolean().optional(),
  synonyms: z
    .array(
      closed({
        id: stableId.optional(),
        synonym: text,
        description: text.optional(),
        locale: text.optional(),
        source: text.optional(),
        status: text.optional(),
        customProperties: customProperties.optional(),
      }),
    )
    .optional(),
  authoritativeDefinitions: authoritativeDefinitions.optional(),
  tags: tags.optional(),
  customProperties: customProperties.optional(),
};

const reference = z
  .string()
  .refine(
    (value) =>
      /^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)+$/.test(value) ||
      /^(?:(?:https?:\/\/)?[A-Za-z0-9._\-/]+\.ya?ml#)?\/?[A-Za-z_][A-Za-z0-9_]*\/[A-Za-z0-9_-]+(?:\/[A-Za-z_][A-Za-z0-9_]*\/[A-Za-z0-9_-]+)*$/.test(
        value,
      ),
    'expected a reference such as orders.orderId',
  );
const references = z.union([reference, z.array(reference).min(1)]);
const relationship = {
  id: text.optional(),
  type: z.literal('foreignKey').optional(),
  to: references,
  customProperties: customProperties.optional(),
};
const objectRelationship = closed({ ...relationship, from: references }).refine(
  (value) => Array.isArray(value.from) === Array.isArray(value.to),
  '"from" and "to" are both one reference or both a list',
);

const enumValue = closed({
  id: stableId.optional(),
  value: scalar,
  label: text.optional(),
  description: text.optional(),
  customProperties: customProperties.optional(),
  authoritativeDefinitions: authoritativeDefinitions.optional(),
  tags: tags.optional(),
});

const numeric = {
  multipleOf: z.number().gt(0).optional(),
  maximum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
};
const temporal = {
  format: text.optional(),
  exclusiveMaximum: text.optional(),
  maximum: text.optional(),
  exclusiveMinimum: text.optional(),
  minimum: text.optional(),
};
const zoned = closed({ ...temporal, timezone: z.boolean().optional(), defaultTimezone: text.optional() });
const free = z.record(z.string(), z.unknown());

/** `logicalTypeOptions` by logical type; where none is given, no options are valid. */
const options: Readonly<Record<LogicalType, z.ZodType>> = {
  string: closed({
    minLength: count.optional(),
    maxLength: count.optional(),
    pattern: text.optional(),
    format: text.optional(),
  }),
  date: closed(temporal),
  timestamp: zoned,
  time: zoned,
  integer: closed({
    ...numeric,
    format: z.enum(['i8', 'i16', 'i32', 'i64', 'i128', 'u8', 'u16', 'u32', 'u64', 'u128']).optional(),
  }),
  number: closed({ ...numeric, format: z.enum(['f32', 'f64']).optional() }),
  object: closed({
    maxProperties: count.optional(),
    minProperties: count.optional(),
    required: z.array(text).min(1).refine(unique, 'expected different names').optional(),
  }),
  array: closed({ maxItems: count.optional(), minItems: count.optional(), uniqueItems: z.boolean().optional() }),
  boolean: free,
  map: free,
  vector: closed({
    dimensions: integer.refine((value) => value >= 1, 'expected 1 or more'),
    elementType: z.enum(['bfloat16', 'binary', 'float16', 'float32', 'float64', 'int8', 'uint8']).optional(),
    distanceMetric: z.enum(['cosine', 'dotProduct', 'euclidean', 'hamming', 'manhattan']).optional(),
    embeddingModel: text.optional(),
    embeddingModelVersion: text.optional(),
    normalized: z.boolean().optional(),
  }),
};

const common = {
  ...element,
  primaryKey: z.boolean().optional(),
  primaryKeyPosition: integer.optional(),
  logicalType: z.enum(logicalTypes).optional(),
  logicalTypeOptions: free.optional(),
  physicalName: text.optional(),
  required: z.boolean().optional(),
  unique: z.boolean().optional(),
  semanticType: z.enum(['column', 'measure', 'dimension']).optional(),
  partitioned: z.boolean().optional(),
  partitionKeyPosition: integer.optional(),
  classification: text.optional(),
  encryptedName: text.optional(),
  transformSourceObjects: z.array(text).optional(),
  transformLogic: text.optional(),
  transformDescription: text.optional(),
  examples: z.array(anything).optional(),
  enum: z
    .array(enumValue)
    .min(1)
    .refine((values) => unique(values.map(canonical)), 'expected different values')
    .optional(),
  criticalDataElement: z.boolean().optional(),
  relationships: z.array(closed(relationship)).optional(),
  quality: quality.optional(),
};

interface Nested {
  readonly properties?: readonly Property[] | undefined;
  readonly items?: Item | undefined;
  readonly map?: { readonly key: Item; readonly value: Item } | undefined;
}
type Base = Omit<z.infer<z.ZodObject<typeof common>>, 'name'>;
export type Item = Base & Nested & { readonly name?: string | undefined };
export type Property = Base & Nested & { readonly name: string };

const nesting = { properties: 'object', items: 'array', map: 'map' } as const;

/**
 * What depends on `logicalType`. The standard writes each dependency as "if it is X" without asking that it be there, so that
 * a property without a logical type must satisfy all of them at once: it needs `map` and can have no options.
 */
function dependent(value: Item, context: z.RefinementCtx): void {
  const type = value.logicalType;
  for (const [name, belongs] of Object.entries(nesting)) {
    if (name in value && type !== undefined && type !== belongs) {
      context.addIssue({ code: 'custom', path: [name], message: `"${name}" belongs to logicalType ${belongs}` });
    }
  }
  if (type === undefined) {
    if (value.map === undefined) context.addIssue({ code: 'custom', path: [], message: '"logicalType" is missing' });
    else if (value.logicalTypeOptions !== undefined) {
      context.addIssue({ code: 'custom', path: ['logicalTypeOptions'], message: 'options need a "logicalType"' });
    }
    return;
  }
  if (type === 'map' && value.map === undefined) {
    context.addIssue({ code: 'custom', path: [], message: '"map" is missing: it gives the types of key and value' });
  }
  if (value.logicalTypeOptions !== undefined) {
    const result = options[type].safeParse(value.logicalTypeOptions);
    for (const issue of result.error?.issues ?? []) {
      context.addIssue({ ...issue, path: ['logicalTypeOptions', ...issue.path] } as Parameters<
        typeof context.addIssue
      >[0]);
    }
  }
}

const nested = {
  get properties() {
    return z.array(property).optional();
  },
  get items() {
    return item.optional();
  },
  get map() {
    return closed({ key: item, value: item }).optional();
  },
};

const item: z.ZodType<Item> = z.lazy(() =>
  closed({ ...common, name: text.optional(), ...shape() }).superRefine(dependent),
);
const property: z.ZodType<Property> = z.lazy(() => closed({ ...common, ...shape() }).superRefine(dependent));

function shape() {
  return { properties: nested.properties, items: nested.items, map: nested.map };
}

export const schemaObject = closed({
  ...element,
  logicalType: z.literal('object').optional(),
  physicalName: text.optional(),
  dataGranularityDescription: text.optional(),
  properties: z.array(property).optional(),
  relationships: z.array(objectRelationship).optional(),
  quality: quality.optional(),
  context: context.optional(),
});
