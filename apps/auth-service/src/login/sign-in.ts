/** After Okta has authenticated a person, finds the account, obtains Cognito's tokens and stores the session. */
import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CognitoError, type SignedIn } from '#cognito';
import type { IdTokenClaims } from '#okta';
import { Database } from '#platform';
import { findByExternalId, lockAccounts, namesakeOf } from '../accounts/accounts.sql.js';
import { admit, type AccountCopy } from '../accounts/admission.js';
import { isBehindFence, waitPastFence } from '../accounts/fence.js';
import { SigningUnavailable } from '../assertion/signer.js';
import { TokenIssuer } from '../assertion/token-issuer.js';
import { record } from '../audit/audit.js';
import { LoginRefused } from '../http/refusals.js';
import type { Site } from '../http/sites.js';
import { AccessTokens } from '../sessions/access-tokens.js';
import { BrowserSessions } from '../sessions/browser-sessions.js';
import type { ProvenLogin } from './hardened-strategy.js';

export interface SignedInPerson {
  readonly secret: string;
  readonly expiresAt: Date;
  readonly sessionId: string;
  readonly accountId: string;
}

/** Longest wait for an account that Okta is still provisioning. Provisioning takes about this long. */
const PATIENCE_MS = 3_000;
const POLL_MS = 100;
/** Reasons to refuse that usually end within a moment, so that waiting helps. */
const PASSING: ReadonlySet<string> = new Set(['not_provisioned', 'account_signing_out']);

@Injectable()
export class SignIn {
  constructor(
    private readonly database: Database,
    private readonly issuer: TokenIssuer,
    private readonly sessions: BrowserSessions,
    private readonly accessTokens: AccessTokens,
  ) {}

  /** Signs the person in. Rejects with `LoginRefused`. */
  async person(site: Site, oktaIssuer: string, proven: ProvenLogin): Promise<SignedInPerson> {
    const { tenantId: tenant } = site.tenant;
    const account = await this.awaitAccount(tenant, proven.claims);
    const sessionId = randomUUID();
    await waitPastFence(account.notBefore);
    const tokens = await this.signIn(account, oktaIssuer, proven.claims, sessionId);
    try {
      return await this.open(account, oktaIssuer, proven, sessionId, tokens);
    } catch (error) {
      await this.issuer.revoke(tokens.refreshToken, tenant);
      throw error;
    }
  }

  /** Waits while the account is being created or signed out. For any other reason, the person is refused at once. */
  private async awaitAccount(tenant: string, claims: IdTokenClaims): Promise<AccountCopy> {
    const { sub, iat } = claims;
    const provenAt = new Date(iat * 1000);
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const { accounts, expected } = await findByExternalId(this.database, tenant, sub);
      const admission = admit(accounts, expected, provenAt);
      if ('admitted' in admission) return admission.admitted;
      if (admission.refused === 'unknown_person') throw await this.unknown(tenant, claims);
      if (!PASSING.has(admission.refused) || performance.now() >= deadline)
        throw new LoginRefused(admission.refused, { oktaSub: sub });
      await sleep(POLL_MS);
    }
  }

  /**
   * An e-mail address never opens an account, because it may belong to another Okta user now (nOAuth). The audit shows
   * whether an account has this address.
   */
  private async unknown(tenant: string, { sub: oktaSub, email }: IdTokenClaims): Promise<LoginRefused> {
    const namesake = email === undefined ? null : await namesakeOf(this.database, tenant, email);
    if (namesake === null) return new LoginRefused('unknown_person', { oktaSub });
    return new LoginRefused('other_okta_user', { oktaSub, namesake });
  }

  private async signIn(
    { id: accountId, tenant: tenantId }: AccountCopy,
    oktaIssuer: string,
    { sub: oktaSub, auth_time: authTime, amr }: IdTokenClaims,
    sessionId: string,
  ): Promise<SignedIn> {
    try {
      return await this.issuer.signIn({ accountId, tenantId, oktaIssuer, oktaSub, sessionId, authTime, amr });
    } catch (error) {
      if (error instanceof SigningUnavailable)
        throw new LoginRefused('exchange_unavailable', { signing: error.message }, { cause: error });
      if (!(error instanceof CognitoError)) throw error;
      const later = error.errorClass === 'throttled' || error.errorClass === 'retry';
      const detail = { cognito: error.code, operation: error.operation };
      throw new LoginRefused(later ? 'exchange_unavailable' : 'exchange_refused', detail, { cause: error });
    }
  }

  /**
   * Checks the account again while its row is locked in shared mode. If access was removed before, the login is
   * refused. A later event waits for the lock and then ends the new session.
   */
  private open(
    { id, tenant }: AccountCopy,
    oktaIssuer: string,
    { claims, idToken }: ProvenLogin,
    sessionId: string,
    { refreshToken, ...tokens }: SignedIn,
  ): Promise<SignedInPerson> {
    const { sub: oktaSub, iat, amr } = claims;
    const session = { id: sessionId, tenant, accountId: id, oktaIssuer, oktaSub, refreshToken, idToken };
    return this.database.tx(async (tx) => {
      const admission = admit(await lockAccounts(tx, tenant, oktaSub), false, new Date(iat * 1000));
      if ('refused' in admission) throw new LoginRefused(admission.refused, { oktaSub });
      if (admission.admitted.id !== id) throw new LoginRefused('account_ambiguous', { oktaSub });
      if (isBehindFence(tokens.accessToken, admission.admitted.notBefore))
        throw new LoginRefused('exchange_unavailable', { oktaSub, token: 'behind_fence' });
      const { secret, expiresAt } = await this.sessions.create(tx, session);
      await record(tx, { event: 'login', tenant, accountId: id, sessionId, detail: { oktaIssuer, oktaSub, amr } });
      tx.afterCommit(() => this.accessTokens.keep(sessionId, admission.admitted, tokens));
      return { secret, expiresAt, sessionId, accountId: id };
    });
  }
}
