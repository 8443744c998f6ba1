/** Sends the browser to Okta, redeems the returned code and opens a session. Failures are `LoginRefused`. */
import { Injectable } from '@nestjs/common';
import { errors as joseErrors } from 'jose';
import { safeReturnTo } from './return-to.js';
import { LoginRefused } from '../http/refusals.js';
import type { Site } from '../http/sites.js';
import { parseCallback, type CallbackQuery } from './callback-query.js';
import { HardenedStrategy, type ProvenLogin, type RelyingParty } from './hardened-strategy.js';
import { LoginStates, type LoginAttempt } from './login-states.js';
import { RelyingParties } from './relying-party.js';
import { beginLogin, completeLogin } from './run-strategy.js';
import { SignIn, type SignedInPerson } from './sign-in.js';

export interface Arrival {
  readonly site: Site;
  readonly query: Readonly<Record<string, unknown>>;
  /** Values of the login cookies. */
  readonly browser: readonly string[];
}

@Injectable()
export class LoginService {
  constructor(
    private readonly parties: RelyingParties,
    private readonly states: LoginStates,
    private readonly signIn: SignIn,
  ) {}

  /** Begins a login and returns the URL at Okta to which the browser must go. */
  async begin({ site, query }: Arrival, browser: string): Promise<string> {
    const { returnTo: given = '/' } = query;
    const returnTo = typeof given === 'string' ? safeReturnTo(given) : null;
    if (returnTo === null) throw new LoginRefused('bad_return_to');
    const party = await this.parties.of(site);
    const { tenantId: tenant } = site.tenant;
    const login = { tenant, issuer: party.issuer, clientId: party.client.clientId, returnTo };
    const strategy = HardenedStrategy.beginning(party, (secrets) =>
      this.states.begin(browser, { ...login, ...secrets }),
    );
    return beginLogin(strategy);
  }

  /**
   * Checks the parameters, the state, the browser and the issuer before it reads Okta's error or code. `onAttempt`
   * receives the login in progress, because the page of a later refusal needs its `returnTo`.
   */
  async complete(
    { site, query, browser }: Arrival,
    onAttempt: (attempt: LoginAttempt) => void,
  ): Promise<SignedInPerson> {
    const answer = parseCallback(query);
    if (!answer) throw new LoginRefused('bad_callback');
    const attempt = await this.takeAttempt(site, answer.state, browser);
    onAttempt(attempt);
    const party = await this.parties.of(site);
    checkIssuer(answer, attempt, party);
    const { code, state } = answer;
    if (code === undefined)
      throw new LoginRefused(answer.error === 'access_denied' ? 'okta_denied' : 'okta_error', knownError(answer.error));
    const proven = await this.redeem(party, attempt, { code, state }, site.tenant.tenantId);
    return this.signIn.person(site, party.metadata.issuer, proven);
  }

  private async takeAttempt(site: Site, state: string, browser: readonly string[]): Promise<LoginAttempt> {
    const attempt = await this.states.take(site.tenant.tenantId, state, browser);
    if (attempt === 'expired') throw new LoginRefused('login_expired');
    if (attempt === 'other_browser') throw new LoginRefused('other_browser');
    return attempt;
  }

  private async redeem(
    party: RelyingParty,
    attempt: LoginAttempt,
    query: { code: string; state: string },
    tenantId: string,
  ): Promise<ProvenLogin> {
    try {
      return await completeLogin(HardenedStrategy.completing(party, attempt), query);
    } catch (error) {
      const refusal = this.parties.refusal(error, tenantId);
      // Any other error is the library's. The library allows no clock skew, so it may refuse what our client accepted.
      if (refusal instanceof LoginRefused || error instanceof joseErrors.JOSEError) throw refusal;
      throw new LoginRefused('token_refused', { oidc: 'library' }, { cause: error });
    }
  }
}

/** Prevents mix-up (RFC 9700 section 4.4): the response must come from the provider of this login. */
function checkIssuer({ iss }: CallbackQuery, attempt: LoginAttempt, party: RelyingParty): void {
  if (attempt.issuer !== party.issuer || attempt.clientId !== party.client.clientId)
    throw new LoginRefused('settings_changed');
  if (iss === undefined ? party.metadata.sendsIssuer : iss !== party.metadata.issuer) throw new LoginRefused('mix_up');
}

/**
 * The error codes of RFC 6749 section 4.1.2.1 and OpenID Connect Core section 3.1.2.6. Any other text is recorded as
 * `other`, because an attacker may have chosen it.
 */
const ERRORS = new Set([
  'access_denied',
  'invalid_request',
  'unauthorized_client',
  'unsupported_response_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
  'login_required',
  'interaction_required',
  'consent_required',
]);
const knownError = (error: string | undefined) => ({ error: ERRORS.has(error ?? '') ? error : 'other' });
