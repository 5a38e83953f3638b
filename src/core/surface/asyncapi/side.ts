/** Data as a partner receives it, and as it gives it. */
import type { Field, FieldType } from '../../contract/index.ts';
import { written } from '../definitions.ts';
import { shown, visible } from '../shown.ts';

/** Which fields, and what their objects are called: what a partner receives, or what it gives. */
export interface Side {
  readonly suffix: '' | 'Input';
  fields(fields: readonly Field[]): readonly Field[];
  /** As this side has the field: a mask changes the type. */
  shape(field: Field): { readonly type: FieldType; readonly required: boolean };
}

export const received: Side = { suffix: '', fields: visible, shape: shown };

/** Derived fields are no inputs. Whoever publishes gives values, not masks. */
export const given: Side = {
  suffix: 'Input',
  fields: written,
  shape: ({ type, required }) => ({ type, required }),
};
