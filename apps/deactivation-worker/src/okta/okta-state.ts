import type { OktaState } from '#contracts';
import type { OktaUser } from '#okta';

export interface Observation {
  readonly user: OktaUser | null;
  /** Whether the app is assigned to the user; null means that the assignment was not read. */
  readonly assigned: boolean | null;
}

/**
 * Statuses of users who belong to the org or soon will. Such a user keeps access, even if Okta currently prevents
 * sign-ins, e.g. of a locked-out user.
 */
const PRESENT = new Set(['STAGED', 'PROVISIONED', 'ACTIVE', 'RECOVERY', 'PASSWORD_EXPIRED', 'LOCKED_OUT']);

/**
 * Returns the state that ends access. Null: nothing ends access. Undefined: the status is unknown and has no
 * consequences.
 *
 * Suspension and deletion always end access. Deactivation and unassignment end access only if "Deactivate on Offboard"
 * is on. Switching the setting off gives nobody access back.
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
  return assigned === false ? ifOffboarding('unassigned') : null;
}

export const oktaCause = (state: OktaState | null): string => `okta.${state ?? 'active'}`;
