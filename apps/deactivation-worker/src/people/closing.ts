/**
 * What follows from what is known of a person: the whole decision about his door, as one pure function. Handlers of
 * every source (directory, accounts, settings, Okta) project what they were told and ask it.
 */
import type { Access } from '#events';

/** Why Okta says that he has no access, whatever SCIM said. */
export type OktaState = 'suspended' | 'deprovisioned' | 'missing';
export type Door = 'open' | 'closed';

export interface PersonFacts {
  readonly active: boolean;
  readonly deleted: boolean;
  readonly oktaState: OktaState | null;
}

/** `as-is`: inactive, and the tenant does not want that to take access away; it gives none either. */
export type Wish = Door | 'as-is';

export function wishOf(facts: PersonFacts, deactivateOnOffboard: boolean): Wish {
  if (facts.deleted || facts.oktaState !== null) return 'closed';
  if (facts.active) return 'open';
  return deactivateOnOffboard ? 'closed' : 'as-is';
}

export interface DoorState extends PersonFacts {
  readonly door: Door;
  readonly roles: readonly string[];
  readonly provisioned: boolean;
  /** Null = nothing was published about him yet. */
  readonly publishedStatus: Access['status'] | null;
  readonly publishedRoles: readonly string[];
}

export interface Consequences {
  /** The door is wanted otherwise from now on. Closing an open door that was published goes by a case, not by this. */
  readonly door: Door | null;
  readonly publish: Pick<Access, 'status' | 'roles'> | null;
  /** Unless one waits already. */
  readonly openCase: boolean;
  /** If one waits. */
  readonly discardCase: boolean;
  /** The runner has something to look at. */
  readonly work: boolean;
  /** Tokens may have been issued since the last sign-out. */
  readonly signOut: boolean;
}

export const NOTHING: Consequences = {
  door: null,
  publish: null,
  openCase: false,
  discardCase: false,
  work: false,
  signOut: false,
};

/** `appeared`: Cognito has the user since just now. */
export function consequences(person: DoorState, wish: Wish, appeared: boolean): Consequences {
  if (person.publishedStatus === null) return atFirstSight(person, wish);
  if (person.door === 'closed') return behindClosedDoor(person, wish, appeared);
  if (person.publishedStatus !== 'active') return whileOpening(person, wish);
  return {
    ...NOTHING,
    openCase: wish === 'closed',
    discardCase: wish !== 'closed',
    publish: sameList(person.roles, person.publishedRoles) ? null : access(person, 'open'),
  };
}

/** Who never was active never had access: no case, but Cognito's user is disabled if there is one. */
function atFirstSight(person: DoorState, wish: Wish): Consequences {
  const door = wish === 'open' ? 'open' : 'closed';
  const work = door === 'closed' && person.provisioned;
  return { ...NOTHING, door, publish: access(person, door), work, signOut: work };
}

function behindClosedDoor(person: DoorState, wish: Wish, appeared: boolean): Consequences {
  // Cognito may have had him before we were told: then he was never signed out.
  if (wish === 'open') return { ...NOTHING, door: 'open', work: true, signOut: !person.provisioned };
  const { status, roles } = access(person, 'closed');
  // A user who was created meanwhile is enabled, and may have signed in already.
  return {
    ...NOTHING,
    publish: status === person.publishedStatus ? null : { status, roles },
    work: appeared,
    signOut: appeared,
  };
}

/** The fence still stands, so closing again takes nothing away: no case and no brake. Cognito may be open already. */
function whileOpening(person: DoorState, wish: Wish): Consequences {
  if (wish === 'open') return NOTHING;
  const { status, roles } = access(person, 'closed');
  return {
    ...NOTHING,
    door: 'closed',
    publish: status === person.publishedStatus ? null : { status, roles },
    work: true,
    signOut: true,
  };
}

/** What `identity.access` has to say behind a door. */
export const access = (
  { deleted, roles }: Pick<DoorState, 'deleted' | 'roles'>,
  door: Door,
): Pick<Access, 'status' | 'roles'> =>
  door === 'open' ? { status: 'active', roles: [...roles] } : { status: deleted ? 'removed' : 'inactive', roles: [] };

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((value, i) => value === b[i]);
