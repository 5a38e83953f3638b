/**
 * Who somebody is and what may be seen. The state of record behind it is materialised from the journal (state.ts).
 */
import type { Contract, OperationKind } from '../contract/index.ts';

export interface Application {
  readonly id: string;
  readonly name: string;
  /** Random, from the state of record: hashes masked values per partner. */
  readonly salt: string;
  readonly createdAt: number;
}

export type GrantState = 'PENDING' | 'ACCEPTED' | 'REJECTED' | 'PAUSED' | 'CLOSED';

export interface Grant {
  readonly id: string;
  readonly application: string;
  /** Every data product is implicitly an API product of its own, named by the product with its major. */
  readonly apiProduct: string;
  readonly plan: string;
  readonly roles: readonly string[];
  readonly restrictions: { readonly topics?: readonly string[]; readonly hidden?: readonly string[]; readonly rows?: string; readonly replay?: string };
  readonly state: GrantState;
  readonly createdAt: number;
}

export interface Principal {
  readonly application: Application;
  /** Id of the API key that it came with. */
  readonly key: string;
  /** Equal for principals that are shown the same: surfaces and views are cached by it. */
  readonly digest: string;
}

/** What the gateway asks of access; implemented over the journal's state. All answers are from memory. */
export interface Access {
  /** Errors: UNAUTHENTICATED; RATE_LIMITED when attempts from the address or on the prefix are slowed; UNAVAILABLE when the state cannot be confirmed. */
  authenticate(secret: string | null, address: string): Principal;
  /** The contracts as this principal may see them; what it may not see is absent. */
  narrow(principal: Principal, contracts: readonly Contract[]): readonly Contract[];
  /** The grant that is charged. Errors: NOT_FOUND where nothing about the product may be shown, FORBIDDEN where the operation is not allowed, UNAVAILABLE. */
  authorise(principal: Principal, contract: Contract, operation: OperationKind): Grant;
  /** Told once, with UNAUTHENTICATED, when the key or application ends. Returns how to stop listening. */
  onPrincipalEnded(principal: Principal, ended: (error: import('../errors.ts').SluiceError) => void): () => void;
  /** Told once, with GRANT_ENDED, when the grant ends. */
  onGrantEnded(grant: Grant, ended: (error: import('../errors.ts').SluiceError) => void): () => void;
  /** Told whenever anything changes that a surface may show. */
  onChanged(changed: () => void): () => void;
}
