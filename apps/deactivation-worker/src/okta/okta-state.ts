/** Translates Okta's state of a person into their access. Pure. */
import type { OktaState } from '#contracts';
import type { OktaUser } from '#okta';

export interface Observation {
  /** Null = Okta has no such user. */
  readonly user: OktaUser | null;
  /** Whether the app is assigned; null = not read. */
  readonly assigned: boolean | null;
}

/** Users who belong to the org, or will. Whether they can sign in at the moment is Okta's business. */
const PRESENT = new Set(['STAGED', 'PROVISIONED', 'ACTIVE', 'RECOVERY', 'PASSWORD_EXPIRED', 'LOCKED_OUT']);

/**
 * Null = nothing ends access. Undefined = an unknown status, which has no consequences.
 *
 * A tenant without "Deactivate on Offboard" wants nobody to lose access by deactivation or unassignment: SCIM reports
 * the same and has no effect either. But the switch gives nobody access: a state that already ends access stays.
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

/** The cause of the consequences, as events and cases name it. */
export const oktaCause = (state: OktaState | null): string => `okta.${state ?? 'active'}`;
