/** What a subscriber is told beside its events. */
import type { Contract } from '../contract/index.ts';
import type { Notice } from './ports.ts';

/** [from, to) of a partition. */
export interface Range {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export const NONE: readonly Notice[] = Object.freeze([]);

/** onLag DROP: exactly these positions were not examined for the subscription. */
export function gapNotice(missing: readonly Range[]): Notice {
  return { code: 'GAP', message: 'The subscriber fell behind: these positions were passed over.', missing };
}

/** onLag CONFLATE: so many events up to this message's end gave way to newer ones of the same key. */
export function conflatedNotice(superseded: number): Notice {
  return {
    code: 'CONFLATED',
    message: 'The subscriber fell behind: of each key only the newest event is sent.',
    superseded,
  };
}

export function deprecatedNotice(contract: Contract): Notice | null {
  if (contract.status !== 'deprecated') return null;
  const { successor = null, noticePeriod = null } = contract.deprecation ?? {};
  const message =
    successor === null ? 'This version is deprecated.' : `This version is deprecated: move to ${successor}.`;
  return { code: 'DEPRECATED', message, successor, noticePeriod };
}
