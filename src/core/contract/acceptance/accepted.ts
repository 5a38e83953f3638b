/** The accepted contracts, materialised from the journal: what each product has promised. */
import type { JournalRecord } from '../../log/index.ts';
import type { Contract } from '../model.ts';
import { readContract } from '../read.ts';
import { type AcceptedRecord, readAccepted } from './records.ts';

export interface AcceptedContract {
  readonly product: string;
  /** null where this Sluice cannot read it: then nothing is known of it but that it is there. */
  readonly contract: Contract | null;
  readonly document: string;
}

/** Documents are read when somebody asks for them: of each product the newest alone. */
export class AcceptedContracts {
  readonly #records = new Map<string, AcceptedRecord | 'unreadable'>();
  readonly #read = new Map<string, AcceptedContract>();

  /** Takes a record in. Returns the product that it is about; null for records of other topics. */
  apply(from: JournalRecord): string | null {
    const found = readAccepted(from);
    if (found === null) return null;
    this.#read.delete(found.product);
    if (found.is === null) this.#records.delete(found.product);
    else this.#records.set(found.product, found.is);
    return found.product;
  }

  get(product: string): AcceptedContract | null {
    const known = this.#read.get(product);
    if (known !== undefined) return known;
    const record = this.#records.get(product);
    if (record === undefined) return null;
    const document = record === 'unreadable' ? '' : record.document;
    const contract = document === '' ? null : readContract(document, `accepted/${product}.odcs.yaml`).contract;
    const accepted = { product, contract: contract?.product === product ? contract : null, document };
    this.#read.set(product, accepted);
    return accepted;
  }

  /** In order of product. */
  all(): readonly AcceptedContract[] {
    return [...this.#records.keys()].sort().flatMap((product) => this.get(product) ?? []);
  }
}
