/** DefineAuthChallenge: one round, one question. Whatever else a sign-in may have been through ends it. */
import { OKTA_ASSERTION } from './create-auth-challenge.js';
import type { ChallengeRound, DefineAuthChallengeEvent } from './events.js';

/**
 * Issues tokens only after exactly one custom challenge of our own kind that was answered rightly. A second attempt, a
 * challenge of another kind before ours (SRP, a password) and a user who does not exist fail.
 */
export const defineAuthChallenge = async (event: DefineAuthChallengeEvent): Promise<DefineAuthChallengeEvent> => ({
  ...event,
  response: next(event.request),
});

function next({ session, userNotFound }: DefineAuthChallengeEvent['request']): DefineAuthChallengeEvent['response'] {
  if (userNotFound) return { issueTokens: false, failAuthentication: true };
  const [first, ...more] = session;
  if (!first) return { challengeName: 'CUSTOM_CHALLENGE', issueTokens: false, failAuthentication: false };
  const proven = more.length === 0 && isOurs(first);
  return { issueTokens: proven, failAuthentication: !proven };
}

const isOurs = (round: ChallengeRound): boolean =>
  round.challengeName === 'CUSTOM_CHALLENGE' &&
  round.challengeResult === true &&
  round.challengeMetadata === OKTA_ASSERTION;
