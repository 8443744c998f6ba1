/** The codes of deactivation-worker as sentences: reasons of the brake, steps and states of a case. */
import type { CaseTimings, CaseView, Json } from '#contracts';
import { instant } from '#command-line';

type Case = Json<CaseView>;

export const heldReason = (because: 'threshold' | 'last_admin' | null): string =>
  because === 'last_admin'
    ? 'nobody with the strongest role would be left'
    : 'more people than the brake lets through at once';

/** The steps that end access, in the order in which a case is worked on. */
export const STEPS: readonly (readonly [name: string, timing: keyof CaseTimings])[] = [
  ['services refuse tokens', 'fencedAt'],
  ['Cognito disabled', 'disabledAt'],
  ['SSO sessions ended', 'sessionsEndedAt'],
  ['refresh tokens revoked', 'signedOutAt'],
  ['confirmed by reading back', 'confirmedAt'],
];

/** A case begins with Okta's push, or with another signal. */
export const beginning = (cause: string): string =>
  cause.startsWith('user.') ? "Okta's push arrived" : `signal arrived (${cause})`;

export const attempt = (of: Pick<Case, 'lastError' | 'lastErrorClass' | 'attempts' | 'nextAttemptAt'>): string =>
  `${of.lastError} (${of.lastErrorClass ?? 'unclassified'}, attempt ${of.attempts}, next ${instant(of.nextAttemptAt, 'not planned')})`;

export const openSteps = ({ timings }: Case): string[] =>
  STEPS.filter(([, timing]) => timings[timing] === null).map(([name]) => name);

/** The meaning of each state of a case, and the next step. */
export function stateSentences(of: Case, typed: (command: string) => string): string[] {
  switch (of.state) {
    case 'new':
      return ['It waits for its admission, which takes milliseconds.'];
    case 'held':
      return [
        `The person still has access. The case is released by itself at ${instant(of.heldUntil, 'an unknown instant')}.`,
        `To end the access now: ${typed(`offboarding release ${of.userName}`)}. To discard the case: reactivate the person in Okta.`,
      ];
    case 'running':
      return [
        `Still open: ${openSteps(of).join(', ') || 'nothing; about to end'}. ${of.lastError ? `Last error: ${attempt(of)}` : 'No error so far.'}`,
      ];
    case 'completed':
      return of.timings.firstRefusedAt ? [] : ['No service has reported a refused token since.'];
    case 'superseded':
      return ['The person was reactivated before every step was done; the other steps were not needed any more.'];
    case 'discarded':
      return ['The person was restored before the case was released: no access was taken away.'];
  }
}
