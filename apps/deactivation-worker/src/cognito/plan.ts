/** Chooses the next step for one person's access in Cognito. Pure functions only. */
import type { CognitoAccess } from '#contracts';
import type { PersonEntity } from '../access/person.entity.js';

/** The user's state in Cognito. `absent`: Cognito has no such user. Null: the state is unknown. */
export type CognitoState = CognitoAccess | 'absent' | null;

export interface AccessState extends Pick<PersonEntity, 'desiredAccess' | 'signOutDue'> {
  readonly actualAccess: CognitoState;
  /** Whether the fence is lifted, which means that `identity.access` says active. */
  readonly lifted: boolean;
}

/**
 * `confirm` reads the user from Cognito. `enable` enables the user and lifts the fence. `lift` lifts the fence without
 * a call to Cognito. `end` ends the work.
 */
export type Step = 'disable' | 'sign-out' | 'confirm' | 'enable' | 'lift' | 'end';

/**
 * To end access, the user is disabled first and then signed out, so that nobody logs in between the two calls.
 *
 * To give access back, a due sign-out comes first, because enabling would make old refresh tokens valid again. Then the
 * user is enabled and the fence is lifted.
 *
 * A user that Cognito does not have is neither signed out nor enabled. The work continues with the event of
 * identity-service that announces the user.
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

/** Whether a person who should have no access may still sign in through Cognito. Such people come first. */
export const isUrgent = ({
  desiredAccess,
  actualAccess,
}: Pick<AccessState, 'desiredAccess' | 'actualAccess'>): boolean =>
  desiredAccess === 'disabled' && actualAccess !== 'disabled' && actualAccess !== 'absent';
