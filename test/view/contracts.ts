/** A contract with every type at every depth: for serialisers and their reference. */
import type { FieldType } from '../../src/core/contract/index.ts';
import { contract, field, masked } from '../surface/contracts.ts';

export { flights, orders } from '../surface/contracts.ts';

const scalars = ['string', 'int', 'long', 'number', 'decimal', 'boolean', 'date', 'timestamp', 'time'] as const;
const array = (items: FieldType, itemsRequired = false): FieldType => ({ kind: 'array', items, itemsRequired });
const text: FieldType = { kind: 'string' };

/** Objects nested four deep; lists of lists, of objects and of maps; maps of scalars, objects, lists and maps; masks within; deletes. */
export const readings = contract({
  name: 'readings',
  typeName: 'Reading',
  deletes: true,
  messageKey: ['string'],
  restriction: { topics: null, rows: null, replayMs: null, salt: 'c2FsdA' },
  fields: [
    ...scalars.map((kind) => field(kind, kind)),
    ...scalars.map((kind) => field(`${kind}Required`, kind, { required: true })),
    field('constructor', 'string'),
    field('one', {
      kind: 'object',
      name: 'ReadingOne',
      fields: [
        field('name', 'string'),
        field('two', {
          kind: 'object',
          name: 'ReadingOneTwo',
          fields: [
            field('count', 'int', { required: true }),
            field('three', {
              kind: 'object',
              name: 'ReadingOneTwoThree',
              fields: [
                field('ratio', 'number'),
                field('four', {
                  kind: 'object',
                  name: 'ReadingOneTwoThreeFour',
                  fields: [field('deep', 'string'), field('secret', 'long', masked('hash'))],
                }),
              ],
            }),
          ],
        }),
      ],
    }),
    field('tags', array(text)),
    field('matrix', array(array({ kind: 'number' }, true)), { required: true }),
    field('cubes', array(array(array(text)))),
    field(
      'points',
      array({
        kind: 'object',
        name: 'ReadingPoints',
        fields: [
          field('x', 'number'),
          field(
            'inner',
            array(
              {
                kind: 'object',
                name: 'ReadingPointsInner',
                fields: [field('y', 'decimal'), field('hidden', 'string', masked('redact'))],
              },
              true,
            ),
          ),
        ],
      }),
    ),
    field('labels', { kind: 'map', name: 'ReadingLabels', values: text, valuesRequired: false }),
    field('places', {
      kind: 'map',
      name: 'ReadingPlaces',
      valuesRequired: true,
      values: {
        kind: 'object',
        name: 'ReadingPlacesValue',
        fields: [field('city', 'string'), field('zip', 'string', masked('null'))],
      },
    }),
    field('series', {
      kind: 'map',
      name: 'ReadingSeries',
      values: array({ kind: 'long' }, true),
      valuesRequired: false,
    }),
    field('nested', {
      kind: 'map',
      name: 'ReadingNested',
      valuesRequired: false,
      values: { kind: 'map', name: 'ReadingNestedValue', values: { kind: 'boolean' }, valuesRequired: true },
    }),
    field('stacks', array({ kind: 'map', name: 'ReadingStacks', values: { kind: 'int' }, valuesRequired: false })),
  ],
});
