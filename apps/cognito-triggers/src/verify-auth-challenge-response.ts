/**
 * The trigger VerifyAuthChallengeResponse: an answer is correct if it is auth-service's assertion for this user and
 * challenge.
 *
 * This trigger does not store used `jti`s. A replayed assertion fails anyway: it contains the nonce of one challenge,
 * and Cognito accepts the session of a challenge only once. Storing `jti`s would do harm, because Cognito repeats a
 * trigger that did not answer within five seconds. The repeated call would find its own `jti` used.
 */
import { timingSafeEqual } from 'node:crypto';
import type { JWTVerifyGetKey } from 'jose';
import { AssertionRefused, verifyAssertion, type Assertion } from './assertion.js';
import type { TriggerHandler, VerifyAuthChallengeResponseEvent } from './events.js';
import type { TriggerLog } from './log.js';

/** The key in ClientMetadata that carries the assertion to PreTokenGeneration, which does not receive the answer. */
export const METADATA_ASSERTION = 'assertion';

export const verifyAuthChallengeResponse =
  (keys: JWTVerifyGetKey, log: TriggerLog): TriggerHandler<VerifyAuthChallengeResponseEvent> =>
  async (event) => {
    const refusal = await check(event, keys).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof AssertionRefused) return error;
        throw error;
      },
    );
    if (refusal)
      log({
        code: refusal.code,
        message: refusal.message,
        tenant: event.request.userAttributes['custom:tenant_id'],
        userName: event.userName,
        clientId: event.callerContext.clientId,
      });
    return { ...event, response: { answerCorrect: refusal === undefined } };
  };

async function check(event: VerifyAuthChallengeResponseEvent, keys: JWTVerifyGetKey): Promise<void> {
  const { challengeAnswer, privateChallengeParameters, clientMetadata, userNotFound } = event.request;
  if (userNotFound) throw new AssertionRefused('user_not_found', 'The pool has no such user.');
  const assertion = await verifyAssertion(challengeAnswer, keys, event);
  if (!sameText(assertion.nonce, privateChallengeParameters?.nonce))
    throw new AssertionRefused('nonce_mismatch', 'The assertion answers another challenge.');
  checkMetadata(assertion, challengeAnswer, clientMetadata?.[METADATA_ASSERTION]);
}

/**
 * ClientMetadata must repeat the assertion, because PreTokenGeneration reads `act` only there. A token without `act`
 * would hide the service that acts for the person.
 */
function checkMetadata(assertion: Assertion, answer: string, metadata: string | undefined): void {
  const needed = assertion.act !== undefined || assertion.ssoSid !== undefined;
  if (metadata === undefined ? needed : metadata !== answer)
    throw new AssertionRefused('metadata_mismatch', 'ClientMetadata must carry the same assertion as the answer.');
}

function sameText(left: string | undefined, right: string | undefined): boolean {
  if (!left || !right) return false;
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
