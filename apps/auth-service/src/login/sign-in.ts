/** From a person whom Okta has proven to a session here: the account, Cognito's tokens, the session. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CognitoError, type CustomAuth, type SignedIn } from '#cognito';
import type { IdTokenClaims } from '#okta';
import type { Database, Logger } from '#platform';
import { findByExternalId, lockAccount, namesakeOf } from '../accounts/accounts.sql.js';
import { admit, type AccountCopy } from '../accounts/admission.js';
import { isBehindFence, pastFence } from '../accounts/fence.js';
import { assertionClaims, SigningUnavailable, type AssertionSigner } from '../assertion/signer.js';
import { record } from '../audit.js';
import { LoginRefused } from '../http/refusals.js';
import type { AccessTokens } from '../sessions/access-tokens.js';
import type { Sessions } from '../sessions/sessions.js';
import type { Site } from '../sites.js';
import type { ProvenLogin } from './hardened-strategy.js';

export interface SignedInPerson {
  readonly secret: string;
  readonly expiresAt: Date;
  readonly sessionId: string;
  readonly accountId: string;
}

export interface SignInParts {
  readonly database: Database;
  readonly logger: Logger;
  readonly cognito: CustomAuth;
  readonly signer: AssertionSigner;
  /** Of the assertion: user pool and app client. */
  readonly audience: string;
  readonly sessions: Sessions;
  readonly tokens: AccessTokens;
}

/** Okta assigns a person and shows the tile at the same moment; the push and its events take about this long. */
const PATIENCE_MS = 3_000;
const POLL_MS = 100;
/** Over in a moment, if nothing is wrong. */
const PASSING: ReadonlySet<string> = new Set(['not_provisioned', 'account_signing_out']);

export class SignIn {
  constructor(private readonly parts: SignInParts) {}

  /** Rejects with `LoginRefused`. */
  async person(site: Site, oktaIssuer: string, proven: ProvenLogin): Promise<SignedInPerson> {
    const account = await this.awaitAccount(site.tenant.tenantId, proven.claims);
    const sessionId = randomUUID();
    await pastFence(account.notBefore);
    const tokens = await this.exchange(account, oktaIssuer, proven, sessionId);
    try {
      return await this.open(account, oktaIssuer, proven, sessionId, tokens);
    } catch (error) {
      // Nobody will ever use it; without this it lives on in Cognito until it expires.
      await this.parts.cognito.revoke(tokens.refreshToken).catch((failure: unknown) => this.notRevoked(failure));
      throw error;
    }
  }

  /** Waits for who is on the way, in or out; refuses everybody else at once. */
  private async awaitAccount(tenant: string, claims: IdTokenClaims): Promise<AccountCopy> {
    const { sub, iat } = claims;
    const provenAt = new Date(iat * 1000);
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const { accounts, expected } = await findByExternalId(this.parts.database, tenant, sub);
      const admission = admit(accounts, expected, provenAt);
      if ('admitted' in admission) return admission.admitted;
      if (admission.refused === 'unknown_person') throw await this.unknown(tenant, claims);
      if (!PASSING.has(admission.refused) || performance.now() >= deadline)
        throw new LoginRefused(admission.refused, { oktaSub: sub });
      await sleep(POLL_MS);
    }
  }

  /** An address that has been given to another Okta user opens nobody's account (nOAuth), and somebody should look at it. */
  private async unknown(tenant: string, { sub: oktaSub, email }: IdTokenClaims): Promise<LoginRefused> {
    const namesake = email === undefined ? null : await namesakeOf(this.parts.database, tenant, email);
    if (namesake === null) return new LoginRefused('unknown_person', { oktaSub });
    return new LoginRefused('other_okta_user', { oktaSub, namesake });
  }

  private async exchange(
    { id, tenant }: AccountCopy,
    oktaIssuer: string,
    { claims }: ProvenLogin,
    sessionId: string,
  ): Promise<SignedIn> {
    const { cognito, signer, audience } = this.parts;
    const subject = { accountId: id, tenantId: tenant, oktaIssuer, oktaSub: claims.sub, sessionId };
    const told = { ...subject, authTime: claims.auth_time, amr: claims.amr };
    try {
      return await cognito.signIn(id, (nonce) => signer.sign(assertionClaims(told, audience, nonce)));
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
   * Looks at the account once more, under the lock that an event which takes access away needs: either it comes first and
   * nobody is let in, or it comes after and ends this session.
   */
  private open(
    { id, tenant }: AccountCopy,
    oktaIssuer: string,
    { claims, idToken }: ProvenLogin,
    sessionId: string,
    { refreshToken, ...tokens }: SignedIn,
  ): Promise<SignedInPerson> {
    const { database, sessions, tokens: accessTokens } = this.parts;
    const session = { id: sessionId, tenant, accountId: id, oktaIssuer, oktaSub: claims.sub, refreshToken, idToken };
    return database.tx(async (tx) => {
      const admission = admit(await lockAccount(tx, tenant, claims.sub), false, new Date(claims.iat * 1000));
      if ('refused' in admission) throw new LoginRefused(admission.refused, { oktaSub: claims.sub });
      if (admission.admitted.id !== id) throw new LoginRefused('account_ambiguous', { oktaSub: claims.sub });
      if (isBehindFence(tokens.accessToken, admission.admitted.notBefore))
        throw new LoginRefused('exchange_unavailable', { oktaSub: claims.sub, token: 'behind_fence' });
      const { secret, expiresAt } = await sessions.create(tx, session);
      const detail = { oktaIssuer, oktaSub: claims.sub, amr: claims.amr };
      await record(tx, { event: 'login', tenant, accountId: id, sessionId, detail });
      tx.afterCommit(() => accessTokens.keep(sessionId, admission.admitted, tokens));
      return { secret, expiresAt, sessionId, accountId: id };
    });
  }

  private notRevoked(failure: unknown): void {
    this.parts.logger.warn(
      { err: failure, code: 'token_not_revoked' },
      'a refresh token that nobody will use lives on',
    );
  }
}
