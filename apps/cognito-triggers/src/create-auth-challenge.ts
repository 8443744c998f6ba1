/** CreateAuthChallenge: a nonce that the assertion has to repeat. */
import { randomBytes } from 'node:crypto';
import type { CreateAuthChallengeEvent } from './events.js';

/** Marks our challenge among the rounds that DefineAuthChallenge is shown. */
export const OKTA_ASSERTION = 'OKTA_ASSERTION';

const NONCE_BYTES = 32;

/**
 * The public parameters travel to the caller, the private ones stay with Cognito until the answer is verified. A
 * trigger that is asked for another challenge leaves the event as it is.
 */
export const createAuthChallenge = async (event: CreateAuthChallengeEvent): Promise<CreateAuthChallengeEvent> => {
  if (event.request.challengeName !== 'CUSTOM_CHALLENGE') return event;
  const nonce = randomBytes(NONCE_BYTES).toString('base64url');
  return {
    ...event,
    response: {
      publicChallengeParameters: { nonce },
      privateChallengeParameters: { nonce },
      challengeMetadata: OKTA_ASSERTION,
    },
  };
};
