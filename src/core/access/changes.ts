/**
 * The decisions that change the state of record: each looks at the state and says what to write and what to answer, and is called
 * inside a transaction of the journal (perhaps more than once). Nothing is written where it throws.
 */
import type { Contract } from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import type { JournalWrite } from '../log/index.ts';
import { directPlan, isServed, narrowContract } from './narrow.ts';
import type { ApplicationRecord, GrantRecord, KeyRecord } from './records.ts';
import { maxListed, writeRecord } from './records.ts';
import { readRestriction } from './restriction.ts';
import type { Random } from './secret.ts';
import { hashOf, newId, newSecret, prefixOf } from './secret.ts';
import type { State } from './state.ts';

export interface Decision<Answer> {
  readonly writes: readonly JournalWrite[];
  readonly answer: Answer;
}

/** What a decision takes from outside: the present (epoch ms) and randomness. */
export interface Circumstances {
  readonly now: number;
  readonly random: Random;
}

/** Live keys of one application, and live grants of one: bounds against a script gone wild. */
const maxKeys = 100;
const maxGrants = 1_000;

function bad(message: string, path: string): SluiceError {
  return new SluiceError('BAD_REQUEST', message, { details: { path } });
}

/** Names are labels for people: two applications may have the same, ids tell them apart. */
export function createApplication(
  { now, random }: Circumstances,
  asked: { readonly name: string },
): Decision<ApplicationRecord> {
  const name = asked.name.trim();
  if (name === '' || name.length > 100 || /\p{Cc}/u.test(name))
    throw bad('An application needs a name of 1 to 100 characters.', 'name');
  const answer: ApplicationRecord = {
    v: 1,
    id: newId('app', random),
    name,
    salt: random(32).toString('base64url'),
    state: 'ACTIVE',
    createdAt: now,
  };
  return { writes: [writeRecord('application', answer)], answer };
}

/** A key as it is created: the only moment at which its secret is known. */
export interface CreatedKey extends KeyRecord {
  readonly secret: string;
}

export interface KeyRequest {
  readonly application: string;
  /** Epoch ms; default: never. */
  readonly expiresAt?: number | null;
  /** A key that was made before and is to be known again (the demo's, kept in a file). Default: a new one. */
  readonly secret?: string;
}

/** Errors: NOT_FOUND for an unknown application; BAD_REQUEST for a closed one, an expiry that has passed, a malformed or known `secret`. */
export function createKey(state: State, { now, random }: Circumstances, asked: KeyRequest): Decision<CreatedKey> {
  const application = activeApplication(state, asked.application);
  const expiresAt = asked.expiresAt ?? null;
  if (expiresAt !== null && !(expiresAt > now)) throw bad('The expiry of a new key lies in the future.', 'expires');
  const live = state.keysOf(application.id).filter((key) => state.keyEnded(key.id, now) === null);
  if (live.length >= maxKeys)
    throw bad(`Application ${application.id} has ${live.length} keys already: revoke some.`, 'application');
  const secret = asked.secret ?? newSecret(random);
  const prefix = prefixOf(secret);
  if (prefix === null) throw bad('The secret is not one that Sluice has made.', 'secret');
  if (state.keyOfPrefix(prefix) !== undefined) throw bad(`A key with the prefix ${prefix} exists.`, 'secret');
  const key: KeyRecord = {
    v: 1,
    id: newId('key', random),
    application: application.id,
    prefix,
    hash: hashOf(secret),
    createdAt: now,
    expiresAt,
    revokedAt: null,
  };
  return { writes: [writeRecord('key', key)], answer: { ...key, secret } };
}

/** `key` is an id or a visible prefix. Errors: NOT_FOUND; BAD_REQUEST where it is revoked already. */
export function revokeKey(
  state: State,
  { now }: Pick<Circumstances, 'now'>,
  asked: { readonly key: string },
): Decision<KeyRecord> {
  const key = state.keys.get(asked.key) ?? state.keyOfPrefix(asked.key);
  if (key === undefined)
    throw new SluiceError('NOT_FOUND', `There is no key "${asked.key}".`, { details: { path: 'key' } });
  if (key.revokedAt !== null)
    throw bad(`Key ${key.id} was revoked already, at ${new Date(key.revokedAt).toISOString()}.`, 'key');
  const answer: KeyRecord = { ...key, revokedAt: now };
  return { writes: [writeRecord('key', answer)], answer };
}

export interface GrantRequest {
  readonly application: string;
  /** The product with its major: `flights`, `flights-v2`. */
  readonly product: string;
  readonly roles?: readonly string[];
  readonly restrictions?: GrantRecord['restrictions'];
}

/**
 * Grants access to a data product under its implicit plan. `contracts` are those in force, or null where they are not at hand: then
 * product and restrictions are checked by their form alone. Errors: NOT_FOUND for an unknown application or product; BAD_REQUEST and BAD_FILTER
 * for a closed application, one that has the product already, a product that is not served, restrictions that do not fit it.
 */
export function createGrant(
  state: State,
  { now, random }: Circumstances,
  asked: GrantRequest,
  contracts: readonly Contract[] | null,
): Decision<GrantRecord> {
  const application = activeApplication(state, asked.application);
  const { product } = asked;
  if (!/^[a-z][a-z0-9-]{0,63}$/.test(product))
    throw bad(`"${product.slice(0, 100)}" is not a product's name: they are kebab-case.`, 'product');
  const roles = [...new Set(asked.roles ?? [])];
  if (roles.length > maxListed || roles.some((role) => role === '' || role.length > 100))
    throw bad(`A grant names at most ${maxListed} roles of 1 to 100 characters.`, 'roles');
  const live = state.grantsOf(application.id).filter((grant) => grant.state !== 'CLOSED' && grant.state !== 'REJECTED');
  const same = live.find((grant) => grant.apiProduct === product && grant.plan === directPlan);
  if (same !== undefined)
    throw bad(`Application ${application.id} has grant ${same.id} to ${product} already, ${same.state}.`, 'product');
  if (live.length >= maxGrants)
    throw bad(`Application ${application.id} has ${live.length} grants already: revoke some.`, 'application');
  const answer: GrantRecord = {
    v: 1,
    id: newId('grant', random),
    application: application.id,
    apiProduct: product,
    plan: directPlan,
    roles,
    restrictions: asked.restrictions ?? {},
    state: 'ACCEPTED',
    createdAt: now,
    endedAt: null,
  };
  if (contracts === null) readRestriction(null, answer.restrictions);
  else checkAgainst(contracts, answer, application.salt);
  return { writes: [writeRecord('grant', answer)], answer };
}

function checkAgainst(contracts: readonly Contract[], grant: GrantRecord, salt: string): void {
  const contract = contracts.find((candidate) => candidate.product === grant.apiProduct);
  if (contract === undefined) {
    throw new SluiceError('NOT_FOUND', unknownProduct(grant.apiProduct, contracts), { details: { path: 'product' } });
  }
  if (!isServed(contract))
    throw bad(
      `Product ${contract.product} is ${contract.status}: only active and deprecated ones are served.`,
      'product',
    );
  if (narrowContract(contract, grant, salt) === null)
    throw bad(`This grant would show nothing of ${contract.product}.`, 'product');
}

/** Errors: NOT_FOUND; BAD_REQUEST where it has ended already. */
export function revokeGrant(
  state: State,
  { now }: Pick<Circumstances, 'now'>,
  asked: { readonly grant: string },
): Decision<GrantRecord> {
  const grant = state.grants.get(asked.grant);
  if (grant === undefined)
    throw new SluiceError('NOT_FOUND', `There is no grant "${asked.grant}".`, { details: { path: 'grant' } });
  if (grant.state === 'CLOSED' || grant.state === 'REJECTED')
    throw bad(`Grant ${grant.id} has ended already: it is ${grant.state}.`, 'grant');
  const answer: GrantRecord = { ...grant, state: 'CLOSED', endedAt: now };
  return { writes: [writeRecord('grant', answer)], answer };
}

function activeApplication(state: State, id: string): ApplicationRecord {
  const application = state.applications.get(id);
  if (application === undefined)
    throw new SluiceError('NOT_FOUND', `There is no application "${id}".`, { details: { path: 'application' } });
  if (application.state !== 'ACTIVE') throw bad(`Application ${id} is closed.`, 'application');
  return application;
}

function unknownProduct(product: string, contracts: readonly Contract[]): string {
  const names = contracts.map((contract) => contract.product);
  const listed =
    names.length === 0
      ? 'no contract is in force'
      : `there are ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}`;
  return `There is no product "${product}"; ${listed}.`;
}
