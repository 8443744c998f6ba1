/** The reasons to refuse a login, as one closed list for pages, audit and metrics. */
import type { OidcErrorCode } from '#okta';

interface Refusal {
  readonly status: number;
  readonly title: string;
  /** Sentences that tell the person what to do. */
  readonly text: string;
  /** Seconds after which the page tries again by itself. */
  readonly retrySeconds?: number;
  /** True if the page must not offer to sign in again, because a new sign-in would fail for the same reason. */
  readonly final?: boolean;
}

const ASK = 'Ask the administrator of StackFlow in your organization';

export const REFUSALS = {
  unknown_site: {
    status: 404,
    title: 'No StackFlow instance here',
    text: 'No StackFlow instance has this address. Check the address in the browser.',
    final: true,
  },
  sso_not_configured: {
    status: 404,
    title: 'Sign-in through Okta is not set up',
    text: `${ASK} to enter the OIDC client id and secret in Admin -> Integration Hub -> Okta.`,
    final: true,
  },
  bad_return_to: {
    status: 400,
    title: 'This link leads away from StackFlow',
    text: 'The link that brought you here would lead to another site after sign-in. Open StackFlow at its own address instead.',
    final: true,
  },
  bad_callback: {
    status: 400,
    title: 'Sign-in was interrupted',
    text: 'The response from Okta is incomplete or was changed on the way. Start again.',
  },
  login_expired: {
    status: 400,
    title: 'This sign-in is over',
    text: 'The sign-in is already complete, or it took longer than ten minutes. Start again.',
  },
  other_browser: {
    status: 403,
    title: 'This sign-in began in another browser',
    text: 'You began to sign in with another browser, or this browser blocks the cookies of StackFlow. Start again in this browser. If you did not begin to sign in, close this page.',
  },
  mix_up: {
    status: 403,
    title: 'The response came from the wrong service',
    text: 'StackFlow sent you to one sign-in service, but another one responded. Start again. If it happens again, tell your administrator.',
  },
  settings_changed: {
    status: 400,
    title: 'The sign-in settings have changed',
    text: 'Your administrator changed the settings while you signed in. Start again.',
  },
  okta_denied: {
    status: 403,
    title: 'Okta denied your sign-in',
    text: `Okta refused the sign-in, most often because StackFlow is not assigned to you. ${ASK} to assign you to StackFlow in Okta.`,
  },
  okta_error: {
    status: 502,
    title: 'Okta could not sign you in',
    text: `Okta reported an error. Start again. If it happens again, ask your administrator to check Okta's System Log.`,
  },
  code_refused: {
    status: 400,
    title: 'Okta did not complete the sign-in',
    text: 'The sign-in code from Okta was already used or is too old. Start again.',
  },
  client_refused: {
    status: 502,
    title: 'Okta does not know StackFlow',
    text: `The OIDC client id or secret is wrong. ${ASK} to enter both again in Admin -> Integration Hub -> Okta.`,
    final: true,
  },
  token_refused: {
    status: 403,
    title: 'The response from Okta could not be verified',
    text: 'The sign-in token did not pass the security checks. Start again. If it happens again, tell your administrator.',
  },
  mfa_missing: {
    status: 403,
    title: 'A second factor is needed',
    text: 'StackFlow requires a second factor. Set one up in Okta (Settings -> Security Methods), then start again.',
  },
  okta_unavailable: {
    status: 503,
    title: 'Okta does not answer',
    text: 'The page tries again by itself in a few seconds.',
    retrySeconds: 10,
  },
  unknown_person: {
    status: 403,
    title: 'You have no StackFlow account',
    text: `You signed in to Okta, but StackFlow has no account for you. ${ASK} to assign you to StackFlow in Okta and to switch provisioning on.`,
  },
  other_okta_user: {
    status: 403,
    title: 'Your e-mail address belongs to another account',
    text: `The StackFlow account with your e-mail address is linked to another Okta user, so you cannot use it. ${ASK} to check both Okta users.`,
  },
  account_inactive: {
    status: 403,
    title: 'Your StackFlow account is switched off',
    text: `${ASK} to assign you to StackFlow in Okta again.`,
  },
  // The page starts a new sign-in by itself. After a logout that Okta requested, Okta asks for the password again.
  account_fenced: {
    status: 503,
    title: 'You were signed out everywhere',
    text: 'You were signed out while you signed in, or your access was restored a moment ago. The page signs you in again by itself.',
    retrySeconds: 3,
  },
  account_signing_out: {
    status: 503,
    title: 'You are being signed out everywhere',
    text: 'Okta requested the sign-out. You can sign in again when it is complete. The page tries again by itself.',
    retrySeconds: 5,
  },
  account_ambiguous: {
    status: 403,
    title: 'You have more than one account',
    text: `Several StackFlow accounts have your Okta id, so StackFlow cannot choose one. ${ASK} to deactivate all but one.`,
    final: true,
  },
  not_provisioned: {
    status: 503,
    title: 'Your account is being set up',
    text: 'This takes a few seconds. The page tries again by itself.',
    retrySeconds: 5,
  },
  exchange_refused: {
    status: 502,
    title: 'StackFlow could not open your account',
    text: 'StackFlow knows you, but could not open your account. Start again. If it happens again, tell your administrator.',
  },
  exchange_unavailable: {
    status: 503,
    title: 'StackFlow is busy',
    text: 'The page tries again by itself in a few seconds.',
    retrySeconds: 5,
  },
  internal: {
    status: 500,
    title: 'Something failed on our side',
    text: 'The error is logged. Start again. If it happens again, tell your administrator the time of the error.',
  },
} as const satisfies Record<string, Refusal>;

export type RefusalCode = keyof typeof REFUSALS;
export const refusalOf = (code: RefusalCode): Refusal => REFUSALS[code];

/** Refuses a login. `detail` is recorded in the audit and never shown on the page. */
export class LoginRefused extends Error {
  constructor(
    readonly code: RefusalCode,
    readonly detail: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(`login refused: ${code}`, options);
    this.name = 'LoginRefused';
  }
}

const OF_OIDC: Partial<Record<OidcErrorCode, RefusalCode>> = {
  issuer_not_allowed: 'sso_not_configured',
  provider_unavailable: 'okta_unavailable',
  provider_invalid: 'okta_error',
  token_response_invalid: 'okta_error',
  code_refused: 'code_refused',
  client_refused: 'client_refused',
  mfa_missing: 'mfa_missing',
};

/** Returns the code of the refusal. OIDC errors that are not in `OF_OIDC` mean that the token was refused. */
export const refusalOfOidc = (code: OidcErrorCode): RefusalCode => OF_OIDC[code] ?? 'token_refused';
