/** What Okta's word about a person means for access. Pure. */
import type { OktaUser } from '#okta';
import type { OktaState } from '../people/closing.js';

export interface Observation {
  /** Null = Okta has no such user. */
  readonly user: OktaUser | null;
  /** Null = not asked. */
  readonly assigned: boolean | null;
}

/** Everybody who is, or will be, somebody in the org. Whether he can sign in at the moment is Okta's business. */
const PRESENT = new Set(['STAGED', 'PROVISIONED', 'ACTIVE', 'RECOVERY', 'PASSWORD_EXPIRED', 'LOCKED_OUT']);

/**
 * Null = nothing speaks against access. Undefined = a status that we do not know: nothing follows from it.
 *
 * A tenant without "Deactivate on Offboard" wants nobody to lose access because he was deactivated or unassigned: SCIM
 * says the same thing and is not followed either. Whom an earlier word keeps out already stays out: the switch gives
 * nobody access. Suspension and deletion always count.
 */
export function stateOf(
  { user, assigned }: Observation,
  before: OktaState | null,
  deactivateOnOffboard: boolean,
): OktaState | null | undefined {
  const unlessSpared = (state: OktaState): OktaState | null =>
    deactivateOnOffboard || before === state ? state : null;
  if (user === null) return 'deprovisioned';
  if (user.status === 'DEPROVISIONED') return unlessSpared('deprovisioned');
  if (user.status === 'SUSPENDED') return 'suspended';
  if (!PRESENT.has(user.status)) return undefined;
  return assigned === false ? unlessSpared('missing') : null;
}

/** The cause of what follows, as events and cases name it. */
export const causeOf = (state: OktaState | null): string => `okta.${state ?? 'active'}`;
