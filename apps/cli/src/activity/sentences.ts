/** The codes of auth-service's refusals as sentences for an administrator, with the next step. */
type Typed = (command: string) => string;

const REFUSALS: Readonly<Record<string, string | ((typed: Typed) => string)>> = {
  sso_not_configured: (typed) => `sign-in through Okta is not set up: ${typed('tenants connect-sso')}`,
  login_expired: 'the sign-in took longer than ten minutes, or was completed already',
  other_browser: 'the sign-in began in another browser, or cookies are blocked',
  okta_denied: 'Okta refused, most often because the person is not assigned to the OIDC app: assign them there',
  okta_error: "Okta answered with an error: see Okta's System Log",
  okta_unavailable: 'Okta did not answer',
  client_refused: (typed) =>
    `Okta does not accept client id and secret: ${typed('tenants connect-sso')} with the right ones`,
  token_refused: "Okta's ID token did not pass the checks: compare issuer and clocks",
  mfa_missing: 'a second factor is required, and the person has none in Okta',
  unknown_person: 'no account here has this Okta user: assign the person to the SCIM app in Okta',
  other_okta_user:
    'the address belongs to the account of another Okta user: compare both in Okta, and remove the old account there',
  account_inactive: 'the account is inactive: assign the person in Okta again',
  account_fenced: 'the person was signed out everywhere meanwhile; the next attempt succeeds',
  account_signing_out: 'the person is being signed out everywhere; the next attempt succeeds',
  account_ambiguous: 'several accounts have this Okta user: deactivate the surplus ones in Okta',
  not_provisioned: 'the account is still being created in Cognito',
  exchange_refused: 'Cognito refused to open the account',
  exchange_unavailable: 'Cognito was busy',
};

/** The code itself if it needs no sentence. */
export function refusalSentence(code: string | null, typed: Typed): string | null {
  const sentence = code === null ? undefined : REFUSALS[code];
  return typeof sentence === 'function' ? sentence(typed) : (sentence ?? code);
}
