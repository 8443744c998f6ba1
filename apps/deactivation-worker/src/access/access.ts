/**
 * The whole decision about a person's access, as pure functions. Consumers of every source (directory, accounts,
 * settings, Okta) store what they learnt, call these functions, and write the result.
 */
import type { CognitoAccess } from '#contracts';
import type { Access } from '#events';
import type { PersonEntity } from './person.entity.js';

export type PersonFacts = Pick<PersonEntity, 'active' | 'deleted' | 'oktaState'>;

/** `unchanged`: inactive, but the tenant does not end access for that; such a person is given none either. */
export type DesiredAccess = CognitoAccess | 'unchanged';

export function desiredAccess(facts: PersonFacts, deactivateOnOffboard: boolean): DesiredAccess {
  if (facts.deleted || facts.oktaState !== null) return 'disabled';
  if (facts.active) return 'enabled';
  return deactivateOnOffboard ? 'disabled' : 'unchanged';
}

/** `publishedStatus` is null until something was published about the person. */
export type PersonState = PersonFacts &
  Pick<PersonEntity, 'desiredAccess' | 'roles' | 'provisioned' | 'publishedStatus' | 'publishedRoles'>;

export type Published = Pick<Access, 'status' | 'roles'>;

export interface Consequences {
  /** The new desired access; null = unchanged. Published access is ended by a case only, not by this. */
  readonly desiredAccess: CognitoAccess | null;
  readonly publish: Published | null;
  /** Unless one is pending. */
  readonly openCase: boolean;
  /** If one is pending. */
  readonly discardCase: boolean;
  /** The runner has something to do. */
  readonly work: boolean;
  /** Tokens may have been issued since the last sign-out. */
  readonly signOut: boolean;
}

export const NO_CONSEQUENCES: Consequences = {
  desiredAccess: null,
  publish: null,
  openCase: false,
  discardCase: false,
  work: false,
  signOut: false,
};

/** `justProvisioned`: the Cognito user was created since the last evaluation. */
export function consequences(person: PersonState, desired: DesiredAccess, justProvisioned: boolean): Consequences {
  if (person.publishedStatus === null) return firstEvaluation(person, desired);
  if (person.desiredAccess === 'disabled') return whileDisabled(person, desired, justProvisioned);
  if (person.publishedStatus !== 'active') return whileEnabling(person, desired);
  return {
    ...NO_CONSEQUENCES,
    openCase: desired === 'disabled',
    discardCase: desired !== 'disabled',
    publish: sameList(person.roles, person.publishedRoles) ? null : publishedAs(person, 'enabled'),
  };
}

/** A person who never was active never had access: no case, but an existing Cognito user is disabled. */
function firstEvaluation(person: PersonState, desired: DesiredAccess): Consequences {
  const access = desired === 'enabled' ? 'enabled' : 'disabled';
  const work = access === 'disabled' && person.provisioned;
  return { ...NO_CONSEQUENCES, desiredAccess: access, publish: publishedAs(person, access), work, signOut: work };
}

function whileDisabled(person: PersonState, desired: DesiredAccess, justProvisioned: boolean): Consequences {
  // Cognito may have had the user before identity-service announced it; that user was never signed out.
  if (desired === 'enabled')
    return { ...NO_CONSEQUENCES, desiredAccess: 'enabled', work: true, signOut: !person.provisioned };
  // A user that was created meanwhile is enabled, and may already have signed in.
  return {
    ...NO_CONSEQUENCES,
    publish: publishIfNew(person),
    work: justProvisioned,
    signOut: justProvisioned,
  };
}

/** The fence is still in force, so disabling again takes nothing away: no case, no brake. Cognito may be enabled already. */
function whileEnabling(person: PersonState, desired: DesiredAccess): Consequences {
  if (desired === 'enabled') return NO_CONSEQUENCES;
  return {
    ...NO_CONSEQUENCES,
    desiredAccess: 'disabled',
    publish: publishIfNew(person),
    work: true,
    signOut: true,
  };
}

/** The event data of `identity.access` for a person with this access. */
const publishedAs = ({ deleted, roles }: PersonState, access: CognitoAccess): Published =>
  access === 'enabled'
    ? { status: 'active', roles: [...roles] }
    : { status: deleted ? 'removed' : 'inactive', roles: [] };

function publishIfNew(person: PersonState): Published | null {
  const published = publishedAs(person, 'disabled');
  return published.status === person.publishedStatus ? null : published;
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
