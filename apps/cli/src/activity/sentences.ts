import type { Typed } from '#command-line';
/** Turns the codes of auth-service's refusals into sentences for an administrator, with the next step. */
const REFUSALS: Readonly<Record<string, string | ((typed: Typed) => string)>> = {
  sso_not_configured: (typed) => `sign-in through Okta is not set up. Run: ${typed('tenants connect-sso')}`,
  login_expired: 'the sign-in took longer than ten minutes, or was already completed',
  other_browser: 'the sign-in began in another browser, or cookies are blocked',
  okta_denied:
    'Okta refused, most often because the person is not assigned to the OIDC app; assign the person to the app in Okta',
  okta_error: "Okta answered with an error; see Okta's System Log",
  okta_unavailable: 'Okta did not answer',
  client_refused: (typed) =>
    `Okta does not accept the client id and the client secret; enter the right ones with ${typed('tenants connect-sso')}`,
  token_refused: "Okta's ID token did not pass the checks; compare the issuer and the clocks",
  mfa_missing: 'a second factor is required, but the person did not use one in Okta',
  unknown_person: 'no account here belongs to this Okta user; assign the person to the SCIM app in Okta',
  other_okta_user:
    'the e-mail address belongs to the account of another Okta user; compare both users in Okta, and remove the old user there',
  account_inactive: 'the account is inactive; assign the person in Okta again',
  account_fenced: 'the person was signed out everywhere during the sign-in; the next attempt succeeds',
  account_signing_out: 'the person is being signed out everywhere; the next attempt succeeds',
  account_ambiguous: 'several accounts belong to this Okta user; deactivate all but one of them in Okta',
  not_provisioned: 'the account is still being created in Cognito',
  exchange_refused: 'Cognito refused to open the account',
  exchange_unavailable: 'Cognito was busy',
};

/** Returns an unknown code unchanged. */
export function refusalSentence(code: string | null, typed: Typed): string | null {
  const sentence = code === null ? undefined : REFUSALS[code];
  return typeof sentence === 'function' ? sentence(typed) : (sentence ?? code);
}
