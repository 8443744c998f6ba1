/** The next step for one person's access in Cognito. Pure. */
import type { CognitoAccess } from '#contracts';
import type { PersonEntity } from '../access/person.entity.js';

/** What Cognito holds; `absent` = it has no such user, null = state unknown. */
export type CognitoState = CognitoAccess | 'absent' | null;

export interface AccessState extends Pick<PersonEntity, 'desiredAccess' | 'signOutDue'> {
  readonly actualAccess: CognitoState;
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
export function nextStep({ desiredAccess, actualAccess, signOutDue, lifted }: AccessState): Step {
  if (desiredAccess === 'disabled') {
    if (isUrgent({ desiredAccess, actualAccess })) return 'disable';
    return signOutDue && actualAccess !== 'absent' ? 'sign-out' : 'confirm';
  }
  if (signOutDue && actualAccess !== 'absent') return 'sign-out';
  if (!lifted) return actualAccess === 'absent' ? 'lift' : 'enable';
  if (actualAccess === null) return 'confirm';
  return actualAccess === 'disabled' ? 'enable' : 'end';
}

/** Cognito may still let the person in although they should have no access: this goes first. */
export const isUrgent = ({
  desiredAccess,
  actualAccess,
}: Pick<AccessState, 'desiredAccess' | 'actualAccess'>): boolean =>
  desiredAccess === 'disabled' && actualAccess !== 'disabled' && actualAccess !== 'absent';
