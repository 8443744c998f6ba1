/** How Okta and our state of a person differ, and who has to be checked because of it. Pure. */
import { OKTA_DRIFT_KINDS, type OktaComparisonProgress, type OktaDrift, type OktaDriftKind } from '#contracts';
import type { OktaAppUser } from '#okta';
import type { PersonEntity } from '../../access/person.entity.js';

const SAMPLE = 20;

export const noProgress = (): OktaComparisonProgress => ({
  phase: 'suspended',
  oktaUsers: 0,
  people: 0,
  drift: Object.fromEntries(OKTA_DRIFT_KINDS.map((kind) => [kind, { count: 0, sample: [] }])) as unknown as Record<
    OktaDriftKind,
    OktaDrift
  >,
});

export function note(progress: OktaComparisonProgress, kind: OktaDriftKind, name: string): void {
  const drift = progress.drift[kind];
  drift.count++;
  if (drift.sample.length < SAMPLE) drift.sample.push(name);
}

/** A person here whose external id is the Okta user's. */
export type Counterpart = Pick<PersonEntity, 'externalId' | 'userName' | 'active' | 'desiredAccess' | 'oktaState'>;

/** The difference of an assigned user; null = none. */
export function driftOf(here: Counterpart | undefined, isSuspended: boolean): OktaDriftKind | null {
  if (!here) return 'unknown_here';
  if (!here.active) return 'inactive_here';
  if (isSuspended) return here.desiredAccess === 'enabled' ? 'suspended_in_okta' : null;
  return here.oktaState === null ? null : 'kept_out_here';
}

/** Whether the person is checked. A difference without effect on access is only reported, and SCIM has to correct it. */
export function needsCheck(kind: OktaDriftKind, here: Counterpart | undefined): boolean {
  // A suspension that is known here already waits for the brake.
  if (kind === 'suspended_in_okta') return here?.oktaState !== 'suspended';
  return kind === 'kept_out_here';
}

export const nameOf = (user: OktaAppUser): string => `${user.userName ?? 'without a user name'} (${user.id})`;
