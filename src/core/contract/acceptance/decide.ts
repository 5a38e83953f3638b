/** What one transaction accepts of what is to be accepted. */
import type { JournalWrite } from '../../log/index.ts';
import type { Contract } from '../model.ts';
import type { OfferedContract } from './offer.ts';
import { writeAccepted } from './records.ts';

/** In characters: one batch has to pass any Kafka as it is set up. */
const batchSize = 400_000;

/** As many as one batch takes, at least one where there are any; the rest is for further transactions. `now`: epoch ms. */
export function acceptContracts(
  pending: readonly OfferedContract[],
  now: number,
): { readonly writes: readonly JournalWrite[]; readonly answer: readonly Contract[] } {
  let size = 0;
  const chosen = pending.filter(({ text }, index) => {
    size += text.length;
    return index === 0 || size <= batchSize;
  });
  return {
    writes: chosen.map(({ contract, text }) => writeAccepted(contract.product, text, now)),
    answer: chosen.map(({ contract }) => contract),
  };
}
