/** Compares Okta's state of a person with ours, and decides who must be checked. Pure functions only. */
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

export type Counterpart = Pick<PersonEntity, 'externalId' | 'userName' | 'active' | 'desiredAccess' | 'oktaState'>;

/**
 * Compares our state of a user who is assigned to the app with Okta's. Returns the difference, or null if there is
 * none.
 */
export function driftOf(here: Counterpart | undefined, isSuspended: boolean): OktaDriftKind | null {
  if (!here) return 'unknown_here';
  if (isSuspended && here.desiredAccess === 'enabled') return 'suspended_in_okta';
  if (!here.active) return 'inactive_here';
  if (isSuspended) return null;
  return here.oktaState === null ? null : 'kept_out_here';
}

/**
 * Returns whether the person must be checked. All other differences do not affect access; they are only reported, and
 * SCIM has to correct them.
 */
export function needsCheck(kind: OktaDriftKind, here: Counterpart | undefined): boolean {
  // If the suspension is already stored here, the brake holds the person's case, so no check is needed.
  if (kind === 'suspended_in_okta') return here?.oktaState !== 'suspended';
  return kind === 'kept_out_here';
}

export const nameOf = (user: OktaAppUser): string => `${user.userName ?? 'without a user name'} (${user.id})`;
