/**
 * What a grant leaves of a contract. One function decides for every door and operation: what it takes away is
 * absent from schema, documents and data alike, because all of them are made from its result.
 */
import type { Contract, Field, FieldType, OperationKind } from '../contract/index.ts';
import { sealContract } from '../contract/index.ts';
import type { Grant } from './principal.ts';
import { badRestriction, readRestriction } from './restriction.ts';

/** The plan of every data product's implicit API product. */
export const directPlan = 'direct';

/**
 * Proposed and draft contracts promise nothing yet and retired ones no longer, so a grant to one shows nothing; it counts again when
 * the contract becomes active.
 */
export function isServed(contract: Contract): boolean {
  return contract.status === 'active' || contract.status === 'deprecated';
}

/** Whether the grant is for this data product. */
export function covers(grant: Grant, contract: Contract): boolean {
  return grant.plan === directPlan && grant.apiProduct === contract.product;
}

/**
 * Whether the grant allows the operation. An operation that the contract does not offer is allowed to nobody; one that
 * lists no roles to every grant of the product. Where it lists some:
 * - subscribe and query: a grant that names roles needs one of them. A grant without roles is access to the product as such, and
 *   reading is what a product is for, so it is enough.
 * - publish: the grant must name one of the roles. Writing into somebody's stream is never implied.
 * A grant that restricts topics, rows or fields does not publish: what it may not see it could otherwise write.
 */
export function allows(grant: Grant, contract: Contract, operation: OperationKind): boolean {
  const offered = contract.operations[operation];
  if (offered === undefined || contract.source === null) return false;
  const named = offered.roles.length === 0 || offered.roles.some((role) => grant.roles.includes(role));
  if (operation !== 'publish') return named || grant.roles.length === 0;
  const { topics, hidden, rows } = grant.restrictions;
  return named && topics === undefined && rows === undefined && (hidden ?? []).length === 0;
}

/**
 * The contract as the grant shows it, or null where nothing of it is shown. The same object where nothing is taken away; else a
 * new one whose digest tells how it was narrowed, equal for grants that leave the same. Catalogued contracts keep
 * their description and lose their operations.
 *
 * Throws SluiceError (BAD_FILTER, BAD_REQUEST) where a restriction does not fit the contract: it cannot be kept, so nothing may be shown.
 */
export function narrowContract(contract: Contract, grant: Grant, salt: string): Contract | null {
  if (!isServed(contract) || !covers(grant, contract)) return null;
  const operations = (['subscribe', 'query', 'publish'] as const).filter((kind) => allows(grant, contract, kind));
  if (operations.length === 0 && contract.source !== null) return null;
  const restriction = readRestriction(contract, grant.restrictions);
  const narrowing = new Narrowing(grant.roles, restriction.hidden);
  const fields = narrowing.fields(contract.fields, '');
  narrowing.check(contract);
  if (fields.length === 0) return null;
  const isWhole = operations.length === Object.keys(contract.operations).length && fields === contract.fields;
  if (isWhole && Object.values(restriction.kept).every((kept) => kept === null)) return contract;
  return sealContract({
    ...contract,
    operations: Object.fromEntries(operations.map((kind) => [kind, contract.operations[kind]])),
    fields,
    messageKey: contract.messageKey.some((path) => narrowing.isHidden(path)) ? [] : contract.messageKey,
    restriction: { ...restriction.kept, salt: narrowing.hashes ? salt : null },
  });
}

/** One walk over a contract's fields: leaves hidden ones out and marks masked ones, at any depth. Paths go through arrays and maps without a level of their own. */
class Narrowing {
  /** Whether anything is masked by a hash, so that the application's salt matters. */
  hashes = false;
  /** Paths left out, and paths masked, as they were met. */
  readonly #hidden: string[] = [];
  readonly #masked: string[] = [];
  readonly #roles: readonly string[];
  readonly #toHide: ReadonlySet<string>;

  constructor(roles: readonly string[], toHide: readonly string[]) {
    this.#roles = roles;
    this.#toHide = new Set(toHide);
  }

  /** The given array itself where nothing changes. */
  fields(fields: readonly Field[], at: string): readonly Field[] {
    const kept: Field[] = [];
    for (const field of fields) {
      const path = at === '' ? field.name : `${at}.${field.name}`;
      if (this.#toHide.has(path)) {
        this.#hidden.push(path);
        continue;
      }
      const narrowed = this.#field(field, path);
      if (narrowed !== null) kept.push(narrowed);
    }
    const same = kept.length === fields.length && kept.every((field, index) => field === fields[index]);
    return same ? fields : kept;
  }

  #field(field: Field, path: string): Field | null {
    const mask =
      field.privacy === null || field.privacy.visibleTo.some((role) => this.#roles.includes(role))
        ? null
        : field.privacy.masking;
    if (mask !== null) this.#masked.push(path);
    if (mask === 'hash') this.hashes = true;
    const type = this.#type(field.type, path);
    if (type === null) return null;
    if (mask === null && type === field.type) return field;
    return { ...field, type, mask };
  }

  /** null where nothing is left of an object. */
  #type(type: FieldType, path: string): FieldType | null {
    if (type.kind === 'object') {
      const fields = this.fields(type.fields, path);
      if (fields.length === 0 && type.fields.length > 0) return null;
      return fields === type.fields ? type : { ...type, fields };
    }
    if (type.kind === 'array') {
      const items = this.#type(type.items, path);
      if (items === null) return null;
      return items === type.items ? type : { ...type, items };
    }
    if (type.kind === 'map') {
      const values = this.#type(type.values, path);
      if (values === null) return null;
      return values === type.values ? type : { ...type, values };
    }
    return type;
  }

  isHidden(path: string): boolean {
    return this.#hidden.some((hidden) => isWithin(path, hidden));
  }

  /** A field to be hidden that does not exist is a slip, and what was meant would show; one in the topic template shows in every topic. */
  check(contract: Contract): void {
    for (const path of this.#toHide)
      if (!this.isHidden(path)) throw badRestriction(`hidden field "${path}" is not a field of ${contract.product}`);
    for (const level of contract.template) {
      if (!('field' in level)) continue;
      const path = level.field.join('.');
      const masked = this.#masked.some((field) => isWithin(path, field));
      if (masked || this.isHidden(path))
        throw badRestriction(
          `field "${path}" is part of the topic of ${contract.product} and cannot be hidden or masked`,
        );
    }
  }
}

function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(`${ancestor}.`);
}
