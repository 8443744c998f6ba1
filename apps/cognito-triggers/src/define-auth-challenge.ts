import { OKTA_ASSERTION } from './create-auth-challenge.js';
import type { ChallengeRound, DefineAuthChallengeEvent } from './events.js';

/**
 * The trigger DefineAuthChallenge: issues tokens only after exactly one correct answer to our own challenge. It fails
 * after a second attempt, after any other challenge (SRP, a password), or if the user is unknown.
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
