/**
 * Derives what has to happen with a person's access, whatever the source (directory, accounts, settings, Okta). Pure
 * functions only.
 */
import type { CognitoAccess } from '#contracts';
import type { Access } from '#events';
import type { PersonEntity } from './person.entity.js';

export type PersonFacts = Pick<PersonEntity, 'active' | 'deleted' | 'oktaState'>;

/**
 * `unchanged`: the tenant does not end the access of this inactive person. They keep the access that they have, and get
 * no new access.
 */
export type DesiredAccess = CognitoAccess | 'unchanged';

export function desiredAccess(facts: PersonFacts, deactivateOnOffboard: boolean): DesiredAccess {
  if (facts.deleted || facts.oktaState !== null) return 'disabled';
  if (facts.active) return 'enabled';
  return deactivateOnOffboard ? 'disabled' : 'unchanged';
}

/** `publishedStatus` is null until the first event about the person's access is published. */
export type PersonState = PersonFacts &
  Pick<PersonEntity, 'desiredAccess' | 'roles' | 'provisioned' | 'publishedStatus' | 'publishedRoles'>;

export type Published = Pick<Access, 'status' | 'roles'>;

export interface Consequences {
  /** The new desired access; null means no change. While access is published as active, only a case may end it. */
  readonly desiredAccess: CognitoAccess | null;
  readonly publish: Published | null;
  /** Opens a case, unless the person has a pending one. */
  readonly openCase: boolean;
  /** Discards the person's pending case, if there is one. */
  readonly discardCase: boolean;
  /** Whether the person's access in Cognito has to change. */
  readonly work: boolean;
  /** Whether a sign-out is due, because tokens may have been issued since the last sign-out. */
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

/**
 * Evaluates a person for the first time. An inactive person never had access, so no case is opened, but an existing
 * Cognito user is disabled.
 */
function firstEvaluation(person: PersonState, desired: DesiredAccess): Consequences {
  const access = desired === 'enabled' ? 'enabled' : 'disabled';
  const work = access === 'disabled' && person.provisioned;
  return { ...NO_CONSEQUENCES, desiredAccess: access, publish: publishedAs(person, access), work, signOut: work };
}

function whileDisabled(person: PersonState, desired: DesiredAccess, justProvisioned: boolean): Consequences {
  // Cognito may already have the user although `provisioned` is false. This user was never signed out, so a sign-out is
  // due.
  if (desired === 'enabled')
    return { ...NO_CONSEQUENCES, desiredAccess: 'enabled', work: true, signOut: !person.provisioned };
  // A Cognito user that was just created is enabled and may already have signed in, so it is disabled and signed out.
  return {
    ...NO_CONSEQUENCES,
    publish: publishIfNew(person),
    work: justProvisioned,
    signOut: justProvisioned,
  };
}

/**
 * Evaluates a person whose access is still being enabled. If they must lose access again, their fence is still in
 * force, so neither a case nor the brake is needed. Cognito may already have enabled the user, so a sign-out is needed.
 */
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
