/** CreateAuthChallenge: makes the nonce that the assertion must repeat. */
import { randomBytes } from 'node:crypto';
import type { CreateAuthChallengeEvent } from './events.js';

/** Marks our challenge among the rounds that DefineAuthChallenge receives. */
export const OKTA_ASSERTION = 'OKTA_ASSERTION';

const NONCE_BYTES = 32;

/**
 * The public parameters go to the caller. The private ones stay with Cognito until the answer is verified. For another
 * challenge the event is answered unchanged.
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
