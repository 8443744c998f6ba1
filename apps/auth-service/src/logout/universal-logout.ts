/**
 * Universal Logout (Global Token Revocation): Okta requests the end of all sessions and tokens of a person. One
 * transaction marks Okta's token as used, ends the sessions and stores the pending sign-out. If the transaction fails,
 * nothing has changed and Okta may send the request again. Until the sign-out is complete, the person cannot sign in.
 */
import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { OidcError, OidcProvider, type LogoutTokenClaims } from '#okta';
import { Database, RateLimit, type Tx } from '#platform';
import { record } from '../audit/audit.js';
import { SpentTokens } from '../exchange/spent-tokens.js';
import type { Site } from '../http/sites.js';
import { endSessions } from '../sessions/ending.js';
import { LogoutError, logoutCodeOf, type LogoutErrorCode } from './logout-error.js';
import { parseLogoutSubject, type LogoutSubject } from './logout-request.js';
import { addSignOut, lockSubject } from './pending-sign-outs.sql.js';
import { PendingSignOuts } from './pending-sign-outs.js';

export const LOGOUT_PATH = 'auth/okta/universal-logout';

/** Limit for verified requests of one tenant, in each replica. Okta logs out single people, never a whole company. */
const PER_SECOND = 10;
const BURST = 100;
/** Largest number of accounts of one logout. If there are more, many people share the e-mail address. */
const MOST_ACCOUNTS = 10;

@Injectable()
export class UniversalLogout {
  private readonly rate = new RateLimit(PER_SECOND, BURST);

  constructor(
    private readonly database: Database,
    private readonly provider: OidcProvider,
    private readonly spent: SpentTokens,
    private readonly signOuts: PendingSignOuts,
  ) {}

  /**
   * Resolves with the ids of the accounts once the logout is stored. Rejects with a `LogoutError` if nothing was
   * changed.
   */
  async carryOut(site: Site, authorization: string | undefined, body: unknown): Promise<readonly string[]> {
    const { tenantId: tenant } = site.tenant;
    const claims = await this.verify(site, authorization);
    const subject = parseLogoutSubject(body);
    // An id from another issuer belongs to no person of this tenant.
    if (subject.format === 'iss_sub' && subject.iss !== claims.iss) throw unknown(subject, claims);
    const retryAfterSeconds = this.rate.take(tenant);
    if (retryAfterSeconds > 0)
      throw new LogoutError(
        'too_fast',
        'Too many logouts at once. Send the request again.',
        detailOf(subject, claims),
        {
          retryAfterSeconds,
        },
      );
    const accounts = await this.database.tx((tx) => this.commit(tx, tenant, subject, claims));
    this.signOuts.wake();
    return accounts;
  }

  private async verify({ tenant, origin }: Site, authorization: string | undefined): Promise<LogoutTokenClaims> {
    const { sso } = tenant.settings;
    if (!sso) throw new LogoutError('not_configured', 'This tenant has no sign-in through Okta.');
    const token = /^bearer ([^ ]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined)
      throw new LogoutError('token_missing', 'The request needs "Authorization: Bearer <JWT of Okta>".');
    // The org server signs the logout token, even if the tenant signs in with one of the org's custom servers.
    const issuer = new URL(sso.issuer).origin;
    const expected = { issuer, clientId: sso.clientId, endpoint: `${origin}/${LOGOUT_PATH}` };
    try {
      return await this.provider.verifyLogoutToken(token, expected);
    } catch (error) {
      if (!(error instanceof OidcError)) throw error;
      const code = logoutCodeOf(error.code);
      const sentence = SENTENCES[code] ?? `The token was refused (${error.code}).`;
      throw new LogoutError(code, sentence, { oidc: error.code }, { cause: error });
    }
  }

  private async commit(
    tx: Tx,
    tenant: string,
    subject: LogoutSubject,
    claims: LogoutTokenClaims,
  ): Promise<readonly string[]> {
    const detail = detailOf(subject, claims);
    if (!(await this.spent.spend('logout_token', `${tenant} ${claims.iss}`, claims.jti, claims.exp, tx)))
      throw new LogoutError('token_replayed', 'This token was used before.', detail);
    const accounts = await lockSubject(tx, tenant, subject, MOST_ACCOUNTS + 1);
    if (accounts.length === 0) throw unknown(subject, claims);
    if (accounts.length > MOST_ACCOUNTS)
      throw new LogoutError(
        'too_many_accounts',
        'Too many accounts have this address. Name the person by "iss_sub".',
        detail,
      );
    const id = randomUUID();
    const entry = { event: 'universal_logout', code: subject.format, tenant, detail: { ...detail, id } } as const;
    for (const account of accounts) {
      await endSessions(tx, tenant, account, 'universal_logout', id);
      await record(tx, { ...entry, accountId: account });
    }
    await addSignOut(tx, accounts, id);
    return accounts;
  }
}

const SENTENCES: Partial<Record<LogoutErrorCode, string>> = {
  okta_unavailable: "Okta's keys cannot be read at the moment. Send the request again.",
  not_configured: "Okta cannot be reached with this tenant's settings.",
  client_not_allowed: 'The token is not from the Okta app that this tenant signs in with.',
};

const detailOf = (subject: LogoutSubject, { jti }: LogoutTokenClaims): Record<string, unknown> => ({ subject, jti });

const unknown = (subject: LogoutSubject, claims: LogoutTokenClaims): LogoutError =>
  new LogoutError('unknown_person', 'No account of this tenant belongs to this person.', detailOf(subject, claims));
