/** Turns the codes of deactivation-worker into sentences for administrators. */
import type { CaseTimings, CaseView, Json } from '#contracts';
import { instant, type Typed } from '#command-line';

type Case = Json<CaseView>;

export const heldReason = (because: 'threshold' | 'last_admin' | null): string =>
  because === 'last_admin'
    ? 'nobody with the strongest role would be left'
    : 'more people than the brake allows would lose access at once';

/** The steps that end access, in their order. */
export const STEPS: readonly (readonly [name: string, timing: keyof CaseTimings])[] = [
  ['services refuse tokens', 'fencedAt'],
  ['Cognito disabled', 'disabledAt'],
  ['SSO sessions ended', 'sessionsEndedAt'],
  ['refresh tokens revoked', 'signedOutAt'],
  ['confirmed by a read of Cognito', 'confirmedAt'],
];

/** Names the first event of a case: Okta's push, or another signal. */
export const beginning = (cause: string): string =>
  cause.startsWith('user.') ? "Okta's push arrived" : `signal arrived (${cause})`;

export const attempt = (of: Pick<Case, 'lastError' | 'lastErrorClass' | 'attempts' | 'nextAttemptAt'>): string =>
  `${of.lastError} (${of.lastErrorClass ?? 'unclassified'}, attempt ${of.attempts}, next ${instant(of.nextAttemptAt, 'not planned')})`;

export const openSteps = ({ timings }: Case): string[] =>
  STEPS.filter(([, timing]) => timings[timing] === null).map(([name]) => name);

/** Says what the state of a case means, and what an administrator can do next. */
export function stateSentences(of: Case, typed: Typed): string[] {
  switch (of.state) {
    case 'new':
      return ['The case is being compared with the brake, which takes milliseconds.'];
    case 'held':
      return [
        `All sessions and tokens from before the hold have ended. The person can sign in again if Okta lets them in. The case will be released automatically at ${instant(of.heldUntil, 'an unknown instant')}.`,
        `To end the access now: ${typed(`offboarding release ${of.userName}`)}. To discard the case: reactivate the person in Okta.`,
      ];
    case 'running':
      return [
        `Still open: ${openSteps(of).join(', ') || 'nothing, the case ends in a moment'}. ${of.lastError ? `Last error: ${attempt(of)}` : 'No error so far.'}`,
      ];
    case 'completed':
      return of.timings.firstRefusedAt
        ? []
        : ['No service has reported a refused token of this person since the case began.'];
    case 'superseded':
      return ['The person was reactivated before all steps were done. The remaining steps were no longer needed.'];
    case 'discarded':
      return ['The person was restored before the case was released, so only their sessions ended.'];
  }
}
