/** Derives from Okta's state of a person whether it ends their access. Pure functions only. */
import type { OktaState } from '#contracts';
import type { OktaUser } from '#okta';

export interface Observation {
  /** The Okta user; null means that Okta has no such user. */
  readonly user: OktaUser | null;
  /** Whether the app is assigned to the user; null means that the assignment was not read. */
  readonly assigned: boolean | null;
}

/**
 * Statuses of users who belong to the org or soon will. Such a user keeps access, even if Okta currently prevents
 * sign-ins, for example of a locked-out user.
 */
const PRESENT = new Set(['STAGED', 'PROVISIONED', 'ACTIVE', 'RECOVERY', 'PASSWORD_EXPIRED', 'LOCKED_OUT']);

/**
 * Returns the state that ends access. Null means that nothing ends access. Undefined means that the status is unknown
 * and has no consequences.
 *
 * If "Deactivate on Offboard" is off, a deactivation or an unassignment does not end access, neither here nor over
 * SCIM. Switching the setting off gives nobody access back: a state that already ends access continues to do so.
 * Suspension and deletion always end access.
 */
export function stateOf(
  { user, assigned }: Observation,
  before: OktaState | null,
  deactivateOnOffboard: boolean,
): OktaState | null | undefined {
  const ifOffboarding = (state: OktaState): OktaState | null =>
    deactivateOnOffboard || before === state ? state : null;
  if (user === null) return 'deprovisioned';
  if (user.status === 'DEPROVISIONED') return ifOffboarding('deprovisioned');
  if (user.status === 'SUSPENDED') return 'suspended';
  if (!PRESENT.has(user.status)) return undefined;
  return assigned === false ? ifOffboarding('missing') : null;
}

/** Returns the name of the cause that events and cases contain. */
export const oktaCause = (state: OktaState | null): string => `okta.${state ?? 'active'}`;
