/** What Okta's word about a person means for access. Pure. */
import type { OktaUser } from '#okta';

/** Why Okta keeps a person out; `missing` = not assigned to the app. */
export type OktaState = 'suspended' | 'deprovisioned' | 'missing';

/** Everybody who is, or will be, somebody in the org. Whether he can sign in at the moment is Okta's business. */
const PRESENT = new Set(['STAGED', 'PROVISIONED', 'ACTIVE', 'RECOVERY', 'PASSWORD_EXPIRED', 'LOCKED_OUT']);

/** Null = nothing speaks against access. Undefined = a status that we do not know: nothing follows from it. */
export function stateOf(user: OktaUser | null): Exclude<OktaState, 'missing'> | null | undefined {
  if (user === null || user.status === 'DEPROVISIONED') return 'deprovisioned';
  if (user.status === 'SUSPENDED') return 'suspended';
  return PRESENT.has(user.status) ? null : undefined;
}

/** The cause of what follows, as events and cases name it. */
export const causeOf = (state: OktaState | null): string => `okta.${state ?? 'active'}`;
