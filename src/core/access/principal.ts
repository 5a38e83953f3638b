/**
 * Who somebody is and what may be seen. The state of record behind it is materialised from the journal (state.ts).
 */
import type { Contract, OperationKind } from '../contract/index.ts';
import type { SluiceError } from '../errors.ts';
import type { Listening } from './listeners.ts';

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
  readonly restrictions: {
    readonly topics?: readonly string[];
    readonly hidden?: readonly string[];
    readonly rows?: string;
    readonly replay?: string;
  };
  readonly state: GrantState;
  readonly createdAt: number;
}

export interface Principal {
  readonly application: Application;
  /** Id of the API key that it came with. */
  readonly key: string;
  /** Of everything that decides what it is shown, its salt included; follows its grants. Principals of one digest are shown the same. */
  readonly digest: string;
}

/** What the gateway asks of access; implemented over the journal's state. All answers are from memory. */
export interface Access {
  /** Errors: UNAUTHENTICATED; TOKEN_EXPIRED for a key past its expiry; RATE_LIMITED when attempts from the address or on the prefix are slowed; UNAVAILABLE when the state cannot be confirmed. */
  authenticate(secret: string | null, address: string): Principal;
  /**
   * The contracts as this principal may see them; what it may not see is absent. Given the same array of contracts, principals that are
   * shown the same get the same array, so that surfaces can be cached by it (a salt counts only where a hashed field is shown).
   */
  narrow(principal: Principal, contracts: readonly Contract[]): readonly Contract[];
  /** The grant that is charged. Errors: NOT_FOUND where nothing about the product may be shown, FORBIDDEN where the operation is not allowed, UNAVAILABLE. */
  authorise(principal: Principal, contract: Contract, operation: OperationKind): Grant;
  /**
   * Told once, with UNAUTHENTICATED (TOKEN_EXPIRED when it expires), when the key or application ends; never before this call has returned, also
   * where it has ended already. The result stops it.
   */
  onPrincipalEnded(principal: Principal, ended: (error: SluiceError) => void): Listening;
  /** Likewise, with GRANT_ENDED, when the grant is no longer in force. Where one change ends both, grants are told before principals. */
  onGrantEnded(grant: Grant, ended: (error: SluiceError) => void): Listening;
  /** Told whenever anything changes that a surface may show. */
  onChanged(changed: () => void): Listening;
}
