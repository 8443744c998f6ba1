/**
 * Okta says: end all that this person has here (Global Token Revocation). In one transaction the token is spent, the
 * sessions end and the sign-out everywhere is owed; so either all of it happens or Okta may send the same again. What is
 * owed is paid by sign-outs.ts, however long deactivation-worker or Cognito are away; until then nobody signs in.
 */
import { randomUUID } from 'node:crypto';
import { OidcError, type LogoutTokenClaims, type OidcProvider } from '#okta';
import { RateLimit, type Database, type Tx } from '#platform';
import { record } from '../audit.js';
import { endSessions } from '../sessions/ending.js';
import type { Site } from '../sites.js';
import type { SpentTokens } from '../spent.js';
import { LogoutError, logoutCodeOf } from './logout-error.js';
import { parseSubject, type Subject } from './logout-request.js';
import { lockSubject, oweSignOut } from './sign-outs.sql.js';
import type { SignOuts } from './sign-outs.js';

export const PATH = 'auth/okta/universal-logout';

export interface UniversalLogoutParts {
  readonly database: Database;
  readonly provider: OidcProvider;
  readonly spent: SpentTokens;
  readonly signOuts: SignOuts;
}

/** Of genuine requests of one tenant, in each replica: Okta logs out some people, not a company at once. */
const PER_SECOND = 10;
const BURST = 100;
/** One person has one account, or two for a moment. An address that many share would log out all of them. */
const MOST_ACCOUNTS = 10;

export class UniversalLogout {
  private readonly rate = new RateLimit(PER_SECOND, BURST);

  constructor(private readonly parts: UniversalLogoutParts) {}

  /** Durable when it resolves; answers whose accounts. Rejects with a `LogoutError`, and then nothing has happened. */
  async carryOut(site: Site, authorization: string | undefined, body: unknown): Promise<readonly string[]> {
    const { tenant } = site;
    const orgIssuer = this.orgOf(site);
    const claims = await this.verify(site, orgIssuer, authorization);
    const subject = parseSubject(body);
    // A word about people of another issuer is a word about nobody here.
    if (subject.format === 'iss_sub' && subject.iss !== claims.iss) throw unknown(subject, claims);
    const wait = this.rate.take(tenant.tenantId);
    if (wait > 0)
      throw new LogoutError('too_fast', 'Too many logouts at once; send it again.', detailOf(subject, claims), {
        retryAfterSeconds: wait,
      });
    const accounts = await this.parts.database.tx((tx) => this.commit(tx, tenant.tenantId, subject, claims));
    this.parts.signOuts.poke();
    return accounts;
  }

  /** Okta signs for the org, also where sign-in goes through a custom authorization server of it. */
  private orgOf({ tenant }: Site): string {
    const { sso } = tenant.settings;
    if (!sso) throw new LogoutError('not_configured', 'This tenant has no sign-in through Okta.');
    return new URL(sso.issuer).origin;
  }

  private async verify(
    { tenant, origin }: Site,
    issuer: string,
    authorization: string | undefined,
  ): Promise<LogoutTokenClaims> {
    const token = /^bearer ([^ ]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined)
      throw new LogoutError('token_missing', 'The request needs "Authorization: Bearer <JWT of Okta>".');
    const clientId = tenant.settings.sso?.clientId ?? '';
    try {
      return await this.parts.provider.verifyLogoutToken(token, { issuer, clientId, endpoint: `${origin}/${PATH}` });
    } catch (error) {
      if (!(error instanceof OidcError)) throw error;
      const code = logoutCodeOf(error.code);
      throw new LogoutError(
        code,
        SENTENCES[code] ?? `${BELIEF} (${error.code}).`,
        { oidc: error.code },
        { cause: error },
      );
    }
  }

  private async commit(
    tx: Tx,
    tenant: string,
    subject: Subject,
    claims: LogoutTokenClaims,
  ): Promise<readonly string[]> {
    const detail = detailOf(subject, claims);
    if (!(await this.parts.spent.spend('logout_token', `${tenant} ${claims.iss}`, claims.jti, claims.exp, tx)))
      throw new LogoutError('token_replayed', 'This token was used before.', detail);
    const accounts = await lockSubject(tx, tenant, subject, MOST_ACCOUNTS + 1);
    if (accounts.length === 0) throw unknown(subject, claims);
    if (accounts.length > MOST_ACCOUNTS)
      throw new LogoutError('too_many_accounts', 'Too many accounts have this address; name the person.', detail);
    const id = randomUUID();
    for (const account of accounts) {
      await endSessions(tx, tenant, account, 'universal_logout', id);
      await record(tx, {
        event: 'universal_logout',
        code: subject.format,
        tenant,
        accountId: account,
        detail: { ...detail, id },
      });
    }
    await oweSignOut(tx, accounts, id);
    return accounts;
  }
}

const BELIEF = 'The token is not believed';
const SENTENCES: Partial<Record<string, string>> = {
  okta_unavailable: "Okta's keys cannot be read at the moment; send it again.",
  not_configured: 'Okta cannot be asked as this tenant is configured.',
  client_not_allowed: 'The token speaks for another app than the one that signs in here.',
};

const detailOf = (subject: Subject, { jti }: LogoutTokenClaims): Record<string, unknown> => ({ subject, jti });

const unknown = (subject: Subject, claims: LogoutTokenClaims): LogoutError =>
  new LogoutError('unknown_person', 'No account of this tenant is this person.', detailOf(subject, claims));
