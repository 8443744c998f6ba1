/** The trigger CreateAuthChallenge: makes the nonce that the assertion must repeat. */
import { randomBytes } from 'node:crypto';
import type { CreateAuthChallengeEvent } from './events.js';

/** Metadata by which DefineAuthChallenge recognizes our challenge. */
export const OKTA_ASSERTION = 'OKTA_ASSERTION';

const NONCE_BYTES = 32;

/** Cognito sends the public parameters to the caller and stores the private ones until the answer is verified. */
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
