/**
 * Exchanges a person's Okta token for a Cognito token that names the person and the acting service (RFC 8693). The
 * audit row commits before the response is sent. The transaction of this row locks the account and checks the access
 * again, so no event removes the access between the check and the commit.
 */
import { Inject, Injectable } from '@nestjs/common';
import { decodeJwt } from 'jose';
import { CognitoError, type SignedIn } from '#cognito';
import { OidcError } from '#okta';
import { Database, LOGGER, RateLimit, type Logger } from '#platform';
import { findByExternalId, lockAccounts } from '../accounts/accounts.sql.js';
import { admit, type AccountCopy, type Admission } from '../accounts/admission.js';
import { isBehindFence, waitPastFence } from '../accounts/fence.js';
import { SigningUnavailable } from '../assertion/signer.js';
import { TokenIssuer } from '../assertion/token-issuer.js';
import { record, recordIfUnchanged, type AuditEntry } from '../audit/audit.js';
import type { Site } from '../http/sites.js';
import type { ExchangeClient } from './exchange-clients.js';
import { asExchangeError, ExchangeError, exchangeCodeOf, UNAVAILABLE } from './exchange-error.js';
import { ACCESS_TOKEN_TYPE, type ExchangeRequest } from './exchange-request.js';
import { SpentTokens } from './spent-tokens.js';
import { SubjectTokens, type ClassifiedToken, type ProvenPerson } from './subject-tokens.js';

/** The response of RFC 8693 section 2.2.1. It has no refresh token: the client presents another Okta token instead. */
export interface ExchangeAnswer {
  readonly access_token: string;
  readonly issued_token_type: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly scope: string;
}

interface ProvenExchange {
  readonly tenant: string;
  readonly client: ExchangeClient;
  readonly audience: string;
  readonly kind: ClassifiedToken['kind'];
  readonly person: ProvenPerson;
}

/** The only scope that the trigger PreTokenGeneration puts into access tokens. */
const SCOPE = 'stackflow';
/** Limit for the exchanges of one client for one person, in each replica. It stops a client in a loop. */
const PER_SECOND = 2;
const BURST = 20;

@Injectable()
export class TokenExchange {
  private readonly rate = new RateLimit(PER_SECOND, BURST);

  constructor(
    private readonly database: Database,
    private readonly issuer: TokenIssuer,
    private readonly subjects: SubjectTokens,
    private readonly spent: SpentTokens,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Exchanges the token. Rejects with an `ExchangeError`. */
  async exchange(site: Site, client: ExchangeClient, request: ExchangeRequest): Promise<ExchangeAnswer> {
    const audience = checkPolicy(site, client, request);
    const { tenantId: tenant } = site.tenant;
    try {
      const classified = await this.subjects.classify(site, request);
      const { kind } = classified;
      if (!client.tokenKinds.includes(kind))
        throw new ExchangeError('kind_not_allowed', `This client may not exchange tokens of the kind ${kind}.`, {
          kind,
        });
      const person = await this.subjects.prove(tenant, classified);
      return await this.issueOnce({ tenant, client, audience, kind, person });
    } catch (error) {
      if (!(error instanceof OidcError)) throw error;
      const detail = { client: client.id, oidc: error.code };
      throw new ExchangeError(exchangeCodeOf(error.code), sentenceOf(error), detail, { cause: error });
    }
  }

  /**
   * Allows one exchange per ID token. After a failure on our side, the token may be used again. After a crash it stays
   * used, and the person must sign in again.
   */
  private async issueOnce(proven: ProvenExchange): Promise<ExchangeAnswer> {
    const { kind, person, client, tenant } = proven;
    const retryAfterSeconds = this.rate.take(JSON.stringify([client.id, tenant, person.oktaSub]));
    if (retryAfterSeconds > 0)
      throw new ExchangeError('too_fast', 'Too many exchanges for this person.', detailOf(proven), {
        retryAfterSeconds,
      });
    if (kind !== 'id_token') return this.issue(proven);
    const key = ['id_token', `${tenant} ${person.oktaIssuer}`, person.jti ?? ''] as const;
    if (!(await this.spent.spend(...key, person.exp)))
      throw new ExchangeError('token_replayed', 'This ID token was exchanged before.', detailOf(proven));
    try {
      return await this.issue(proven);
    } catch (error) {
      if (asExchangeError(error).status >= 500)
        await this.spent
          .giveBack(...key)
          .catch((failure: unknown) =>
            this.logger.warn(
              { tenant, err: failure, code: 'id_token_not_given_back' },
              'The exchange of an ID token failed, and the token cannot be marked as unused again. The person must sign in again.',
            ),
          );
      throw error;
    }
  }

  private async issue(proven: ProvenExchange): Promise<ExchangeAnswer> {
    const { tenant, person } = proven;
    const { accounts, expected } = await findByExternalId(this.database, tenant, person.oktaSub);
    const account = admitted(admit(accounts, expected, provenAt(person)), proven);
    await waitPastFence(account.notBefore);
    const tokens = await this.signIn(proven, account);
    try {
      await this.commit(proven, account, accounts, tokens.accessToken);
    } catch (error) {
      await this.issuer.revoke(tokens.refreshToken, tenant);
      throw error;
    }
    // Discard the refresh token without revoking it: Cognito's own APIs would otherwise refuse the access token.
    const { scope } = decodeJwt<{ scope?: string }>(tokens.accessToken);
    return {
      access_token: tokens.accessToken,
      issued_token_type: ACCESS_TOKEN_TYPE,
      token_type: 'Bearer',
      expires_in: tokens.expiresInSeconds,
      scope: scope ?? SCOPE,
    };
  }

  private async signIn(proven: ProvenExchange, { id }: AccountCopy): Promise<SignedIn> {
    const { client, tenant, audience, person } = proven;
    try {
      const acting = { act: { sub: client.id }, exchangeAudience: audience };
      return await this.issuer.signIn({ ...person, accountId: id, tenantId: tenant, ...acting });
    } catch (error) {
      const refused = (code: 'unavailable' | CognitoRefusal, description: string, detail = {}): ExchangeError =>
        new ExchangeError(code, description, { ...detailOf(proven), account: id, ...detail }, { cause: error });
      if (error instanceof SigningUnavailable) throw refused('unavailable', UNAVAILABLE);
      if (!(error instanceof CognitoError)) throw error;
      const code = COGNITO_REFUSALS[error.errorClass] ?? 'exchange_refused';
      throw refused(code, COGNITO_SENTENCES[code], { cognito: error.code });
    }
  }

  /**
   * Checks the account again while its row is locked in shared mode. If access was removed before, the exchange is
   * refused. A later event waits for the lock and then fences the token. If no account has changed since `read`, one
   * statement is enough for the check and the audit row.
   */
  private async commit(
    proven: ProvenExchange,
    { id, notBefore }: AccountCopy,
    read: readonly AccountCopy[],
    accessToken: string,
  ): Promise<void> {
    const { tenant, person, client, kind } = proven;
    const detail = { ...detailOf(proven), act: client.id, issuedJti: decodeJwt(accessToken).jti };
    const entry: AuditEntry = { event: 'exchange', code: kind, tenant, accountId: id, detail };
    if (!isBehindFence(accessToken, notBefore) && (await recordIfUnchanged(this.database, entry, person.oktaSub, read)))
      return;
    await this.database.tx(async (tx) => {
      const account = admitted(admit(await lockAccounts(tx, tenant, person.oktaSub), false, provenAt(person)), proven);
      if (account.id !== id) throw new ExchangeError('person_refused', PERSON_REFUSED, detailOf(proven));
      if (isBehindFence(accessToken, account.notBefore))
        throw new ExchangeError('cognito_unavailable', COGNITO_SENTENCES.cognito_unavailable, detailOf(proven));
      await record(tx, entry);
    });
  }
}

type CognitoRefusal = 'cognito_unavailable' | 'not_configured' | 'exchange_refused';
const COGNITO_REFUSALS: Partial<Record<CognitoError['errorClass'], CognitoRefusal>> = {
  throttled: 'cognito_unavailable',
  retry: 'cognito_unavailable',
  config: 'not_configured',
};
const COGNITO_SENTENCES: Readonly<Record<CognitoRefusal, string>> = {
  cognito_unavailable: 'Cognito issues no usable token at the moment; try again.',
  not_configured: 'Cognito is not configured correctly.',
  exchange_refused: 'Cognito refuses this person.',
};

/**
 * Checks the client's policy and returns the audience. Call it before the token is verified: the refusal must not
 * reveal whether the token is valid.
 */
function checkPolicy({ tenant }: Site, client: ExchangeClient, { audience, scopes }: ExchangeRequest): string {
  const detail = { client: client.id };
  if (!client.tenants.includes(tenant.tenantId))
    throw new ExchangeError('tenant_not_allowed', 'This client may not act in this tenant.', detail);
  const [only, ...more] = client.audiences;
  const target = audience ?? (more.length === 0 ? only : undefined);
  if (target === undefined || !client.audiences.includes(target))
    throw new ExchangeError('audience_not_allowed', 'This client may not request tokens for this audience.', detail);
  if (scopes.some((scope) => scope !== SCOPE))
    throw new ExchangeError('scope_not_allowed', `Only the scope ${SCOPE} is issued.`, detail);
  return target;
}

const PERSON_REFUSED = 'The person of subject_token has no access, or lost it after the token was issued.';

function admitted(admission: Admission, proven: ProvenExchange): AccountCopy {
  if ('admitted' in admission) return admission.admitted;
  const { refused } = admission;
  if (refused === 'not_provisioned')
    throw new ExchangeError(refused, 'The account of the person is being set up; try again.', detailOf(proven));
  if (refused === 'account_signing_out')
    throw new ExchangeError('signing_out', 'The person is being signed out everywhere; try again.', detailOf(proven));
  throw new ExchangeError('person_refused', PERSON_REFUSED, { ...detailOf(proven), person: refused });
}

const provenAt = ({ iat }: ProvenPerson): Date => new Date(iat * 1000);

const detailOf = ({ client, audience, kind, person }: ProvenExchange): Record<string, unknown> => ({
  client: client.id,
  audience,
  kind,
  oktaSub: person.oktaSub,
  jti: person.jti,
});

function sentenceOf({ code }: OidcError): string {
  const meaning = exchangeCodeOf(code);
  if (meaning === 'okta_unavailable') return 'Okta does not answer at the moment; try again.';
  if (meaning === 'not_configured') return "Okta cannot be reached with this tenant's settings.";
  return `subject_token was refused (${code}).`;
}
