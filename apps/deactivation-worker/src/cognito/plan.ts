/** The next step for one person's access in Cognito. Pure. */
import type { CognitoAccess } from '#contracts';
import type { PersonEntity } from '../access/person.entity.js';

/** What Cognito holds; `absent` = it has no such user, null = state unknown. */
export type CognitoState = CognitoAccess | 'absent' | null;

export interface AccessState extends Pick<PersonEntity, 'signOutDue'> {
  readonly desired: CognitoAccess;
  readonly actual: CognitoState;
  /** The fence is lifted: `identity.access` says active. */
  readonly lifted: boolean;
}

/**
 * `confirm`: read the user back; if Cognito shows the desired state, the work ends.
 * `enable`: also lifts the fence, with the instant at which Cognito enabled the user.
 */
export type Step = 'disable' | 'sign-out' | 'confirm' | 'enable' | 'lift' | 'end';

/**
 * To end access: disable, then sign out, so that nobody logs in between the two. To give it back: first the sign-out
 * that is still due, because enabling would revive old refresh tokens; then enable; then lift the fence. A user that
 * Cognito does not have needs no step; identity-service announces it when it exists.
 */
export function nextStep({ desired, actual, signOutDue, lifted }: AccessState): Step {
  if (desired === 'disabled') {
    if (isUrgent({ desired, actual })) return 'disable';
    return signOutDue && actual !== 'absent' ? 'sign-out' : 'confirm';
  }
  if (signOutDue && actual !== 'absent') return 'sign-out';
  if (!lifted) return actual === 'absent' ? 'lift' : 'enable';
  if (actual === null) return 'confirm';
  return actual === 'disabled' ? 'enable' : 'end';
}

/** Cognito may still let the person in although they should have no access: this goes first. */
export const isUrgent = ({ desired, actual }: Pick<AccessState, 'desired' | 'actual'>): boolean =>
  desired === 'disabled' && actual !== 'disabled' && actual !== 'absent';
