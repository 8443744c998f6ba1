/** Why somebody is not let in: one closed list, which the pages, the audit and the metrics share. */
import type { OidcErrorCode } from '#okta';

interface Refusal {
  readonly status: number;
  readonly title: string;
  /** What to do, for the person in front of the page. */
  readonly text: string;
  /** The page tries again by itself after this many seconds. */
  readonly retrySeconds?: number;
  /** Offer to begin anew. */
  readonly again?: boolean;
}

const ASK = 'Ask the administrator of StackFlow in your organization';

export const REFUSALS = {
  unknown_site: {
    status: 404,
    title: 'No StackFlow instance here',
    text: 'No StackFlow instance has this address. Check the address in the browser.',
  },
  sso_not_configured: {
    status: 404,
    title: 'Sign-in through Okta is not set up',
    text: `${ASK} to enter OIDC client id and secret in Admin -> Integration Hub -> Okta.`,
  },
  bad_return_to: {
    status: 400,
    title: 'This link leads away from StackFlow',
    text: 'The link that brought you here asks to continue at another place than StackFlow. Open StackFlow by its own address.',
  },
  bad_callback: {
    status: 400,
    title: 'Sign-in was interrupted',
    text: 'What came back from Okta is incomplete or was changed on the way. Start again.',
    again: true,
  },
  login_expired: {
    status: 400,
    title: 'This sign-in is over',
    text: 'It was completed already, or took longer than ten minutes. Start again.',
    again: true,
  },
  other_browser: {
    status: 403,
    title: 'This sign-in began elsewhere',
    text: 'It began in another browser, or cookies of StackFlow are blocked here. Start again in this browser. If you did not begin it, close this page.',
    again: true,
  },
  mix_up: {
    status: 403,
    title: 'The answer came from somewhere else',
    text: 'Another sign-in service answered than the one that was asked. Start again; if it happens again, tell your administrator.',
    again: true,
  },
  settings_changed: {
    status: 400,
    title: 'The sign-in settings have changed',
    text: 'They were changed while you signed in. Start again.',
    again: true,
  },
  okta_denied: {
    status: 403,
    title: 'Okta did not let you in',
    text: `Okta refused, most often because StackFlow is not assigned to you. ${ASK} to assign you to it in Okta.`,
    again: true,
  },
  okta_error: {
    status: 502,
    title: 'Okta could not sign you in',
    text: `Okta answered with an error. Start again; if it stays, ask your administrator to look at Okta's System Log.`,
    again: true,
  },
  code_refused: {
    status: 400,
    title: 'Okta did not complete the sign-in',
    text: 'The code was used already or is too old. Start again.',
    again: true,
  },
  client_refused: {
    status: 502,
    title: 'Okta does not know StackFlow',
    text: `OIDC client id or secret are wrong. ${ASK} to enter them anew in Admin -> Integration Hub -> Okta.`,
  },
  token_refused: {
    status: 403,
    title: 'The answer of Okta is not believed',
    text: 'It did not pass the checks. Start again; if it happens again, tell your administrator.',
    again: true,
  },
  mfa_missing: {
    status: 403,
    title: 'A second factor is needed',
    text: 'StackFlow asks for a second factor. Set one up in Okta (Settings -> Security Methods), then start again.',
    again: true,
  },
  okta_unavailable: {
    status: 503,
    title: 'Okta does not answer',
    text: 'The sign-in is tried again in a moment, without your doing.',
    retrySeconds: 10,
    again: true,
  },
  unknown_person: {
    status: 403,
    title: 'You have no StackFlow account',
    text: `You signed in to Okta, but StackFlow has no account for you. ${ASK} to assign you to StackFlow in Okta, with provisioning switched on.`,
    again: true,
  },
  other_okta_user: {
    status: 403,
    title: 'Your address belongs to somebody else here',
    text: `The StackFlow account with your e-mail address is linked to another Okta user, so it is not opened for you. ${ASK} to look at both.`,
    again: true,
  },
  account_inactive: {
    status: 403,
    title: 'Your StackFlow account is switched off',
    text: `${ASK} to assign you to StackFlow in Okta again.`,
    again: true,
  },
  // Okta has to say once more who it is: it ends its own session before it logs anybody out here.
  account_fenced: {
    status: 503,
    title: 'You were signed out everywhere',
    text: 'This happened while you signed in, or your access was given back only now. The page signs you in again by itself.',
    retrySeconds: 3,
    again: true,
  },
  account_signing_out: {
    status: 503,
    title: 'You are being signed out everywhere',
    text: 'Okta has asked for it. As soon as it is done you can sign in again; the page tries by itself.',
    retrySeconds: 5,
    again: true,
  },
  account_ambiguous: {
    status: 403,
    title: 'More than one account is yours',
    text: `Several StackFlow accounts have your Okta id, so none can be chosen. ${ASK} to deactivate the surplus ones.`,
  },
  not_provisioned: {
    status: 503,
    title: 'Your account is being set up',
    text: 'This takes a few seconds. The page tries again by itself.',
    retrySeconds: 5,
    again: true,
  },
  exchange_refused: {
    status: 502,
    title: 'StackFlow could not open your account',
    text: 'You are known, but your account could not be opened. Start again; if it stays, tell your administrator.',
    again: true,
  },
  exchange_unavailable: {
    status: 503,
    title: 'StackFlow is busy',
    text: 'The sign-in is tried again in a moment, without your doing.',
    retrySeconds: 5,
    again: true,
  },
  internal: {
    status: 500,
    title: 'Something failed on our side',
    text: 'It is logged. Start again; if it stays, tell your administrator when it happened.',
    again: true,
  },
} as const satisfies Record<string, Refusal>;

export type RefusalCode = keyof typeof REFUSALS;
export const refusalOf = (code: RefusalCode): Refusal => REFUSALS[code];

/** Thrown on the way through a login; `detail` goes into the audit, never onto the page. */
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

/** Every other code is a verdict on the token. */
export const refusalOfOidc = (code: OidcErrorCode): RefusalCode => OF_OIDC[code] ?? 'token_refused';
