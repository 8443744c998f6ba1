/**
 * RFC 8693 towards our services: a person's token of Okta for one of Cognito that says who acts for whom. Nothing is
 * issued that the audit does not tell of: its row commits, under the lock that taking access away needs, before the answer.
 */
import { decodeJwt } from 'jose';
import { CognitoError, type CustomAuth, type SignedIn } from '#cognito';
import { OidcError } from '#okta';
import { RateLimit, type Database, type Logger } from '#platform';
import { findByExternalId, lockAccount } from '../accounts/accounts.sql.js';
import { admit, type AccountCopy, type Admission } from '../accounts/admission.js';
import { isBehindFence, pastFence } from '../accounts/fence.js';
import { assertionClaims, SigningUnavailable, type AssertionSigner } from '../assertion/signer.js';
import { record, recordIfUnchanged, type AuditEntry } from '../audit.js';
import type { Site } from '../sites.js';
import type { SpentTokens } from '../spent.js';
import type { OboClient } from './clients.js';
import { asOboError, OboError, oboCodeOf, UNAVAILABLE } from './obo-error.js';
import { ACCESS_TOKEN_TYPE, type OboRequest } from './obo-request.js';
import type { Presented, ProvenPerson, SubjectTokens } from './subject-tokens.js';

/** RFC 8693 section 2.2.1. There is no refresh token: who wants another one shows another token of Okta. */
export interface OboAnswer {
  readonly access_token: string;
  readonly issued_token_type: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly scope: string;
}

export interface ExchangeParts {
  readonly database: Database;
  readonly logger: Logger;
  readonly cognito: CustomAuth;
  readonly signer: AssertionSigner;
  readonly audience: string;
  readonly subjects: SubjectTokens;
  readonly spent: SpentTokens;
}

interface Order {
  readonly tenant: string;
  readonly client: OboClient;
  readonly audience: string;
  readonly kind: Presented['kind'];
  readonly person: ProvenPerson;
}

/** What Cognito puts into tokens of CUSTOM_AUTH; nothing else can be asked for. */
const SCOPE = 'aws.cognito.signin.user.admin';
/** Of one client for one person, in each replica: a loop is stopped, honest use never meets it. */
const PER_SECOND = 2;
const BURST = 20;

export class Exchange {
  private readonly rate = new RateLimit(PER_SECOND, BURST);

  constructor(private readonly parts: ExchangeParts) {}

  /** Rejects with an `OboError`. */
  async exchange(site: Site, client: OboClient, request: OboRequest): Promise<OboAnswer> {
    const audience = checkPolicy(site, client, request);
    const { tenantId: tenant } = site.tenant;
    try {
      const presented = await this.parts.subjects.classify(site, request);
      const { kind } = presented;
      if (!client.tokenKinds.includes(kind))
        throw new OboError('kind_not_allowed', `This client may not exchange tokens of the kind ${kind}.`, { kind });
      const person = await this.parts.subjects.prove(tenant, presented);
      return await this.once({ tenant, client, audience, kind, person });
    } catch (error) {
      if (!(error instanceof OidcError)) throw error;
      const detail = { client: client.id, oidc: error.code };
      throw new OboError(oboCodeOf(error.code), sentenceOf(error), detail, { cause: error });
    }
  }

  /**
   * An ID token is good for one exchange; where that failed for reasons of ours it may be tried again. Should the process
   * die in between it stays used up, and the person signs in again: better than an exchange twice.
   */
  private async once(order: Order): Promise<OboAnswer> {
    const { kind, person, client, tenant } = order;
    const wait = this.rate.take(JSON.stringify([client.id, tenant, person.oktaSub]));
    if (wait > 0)
      throw new OboError('too_fast', 'Too many exchanges for this person.', detailOf(order), {
        retryAfterSeconds: wait,
      });
    if (kind !== 'id_token') return this.issue(order);
    const key = ['id_token', `${tenant} ${person.oktaIssuer}`, person.jti ?? ''] as const;
    if (!(await this.parts.spent.spend(...key, person.exp)))
      throw new OboError('token_replayed', 'This ID token was exchanged before.', detailOf(order));
    try {
      return await this.issue(order);
    } catch (error) {
      if (asOboError(error).status >= 500)
        await this.parts.spent.giveBack(...key).catch((failure: unknown) => this.notGivenBack(failure));
      throw error;
    }
  }

  private async issue(order: Order): Promise<OboAnswer> {
    const { tenant, person } = order;
    const { accounts, expected } = await findByExternalId(this.parts.database, tenant, person.oktaSub);
    const account = admitted(admit(accounts, expected, provenAt(person)), order);
    await pastFence(account.notBefore);
    const tokens = await this.signIn(order, account);
    try {
      await this.commit(order, account, accounts, tokens.accessToken);
    } catch (error) {
      await this.parts.cognito.revoke(tokens.refreshToken).catch((failure: unknown) => this.notRevoked(failure));
      throw error;
    }
    // The refresh token is dropped, nobody has it. Revoked, it would take the access token with it at Cognito's own APIs.
    const { scope } = decodeJwt<{ scope?: string }>(tokens.accessToken);
    return {
      access_token: tokens.accessToken,
      issued_token_type: ACCESS_TOKEN_TYPE,
      token_type: 'Bearer',
      expires_in: tokens.expiresInSeconds,
      scope: scope ?? SCOPE,
    };
  }

  private async signIn(order: Order, { id }: AccountCopy): Promise<SignedIn> {
    const { cognito, signer, audience } = this.parts;
    const acting = { act: { sub: order.client.id }, oboAudience: order.audience };
    const subject = { ...order.person, accountId: id, tenantId: order.tenant, ...acting };
    try {
      return await cognito.signIn(id, (nonce) => signer.sign(assertionClaims(subject, audience, nonce)));
    } catch (error) {
      if (error instanceof SigningUnavailable)
        throw new OboError('unavailable', UNAVAILABLE, { ...detailOf(order), account: id }, { cause: error });
      if (!(error instanceof CognitoError)) throw error;
      const detail = { ...detailOf(order), account: id, cognito: error.code };
      const { errorClass } = error;
      if (errorClass === 'throttled' || errorClass === 'retry')
        throw new OboError('cognito_unavailable', 'Cognito gives no token at the moment; try again.', detail, {
          cause: error,
        });
      if (errorClass === 'config')
        throw new OboError('not_configured', 'Cognito cannot be used as configured.', detail, { cause: error });
      throw new OboError('exchange_refused', 'Cognito refuses this person.', detail, { cause: error });
    }
  }

  /**
   * Looks once more, under the lock: what takes access away either came before, or finds this token already issued. As
   * long as nothing has changed that is one statement; otherwise it is decided anew.
   */
  private async commit(
    order: Order,
    { id, notBefore }: AccountCopy,
    seen: readonly AccountCopy[],
    accessToken: string,
  ): Promise<void> {
    const { tenant, person, client, kind } = order;
    const { database } = this.parts;
    const detail = { ...detailOf(order), act: client.id, issuedJti: decodeJwt(accessToken).jti };
    const entry: AuditEntry = { event: 'exchange', code: kind, tenant, accountId: id, detail };
    const counts = !isBehindFence(accessToken, notBefore);
    if (counts && (await recordIfUnchanged(database, entry, person.oktaSub, seen))) return;
    await database.tx(async (tx) => {
      const account = admitted(admit(await lockAccount(tx, tenant, person.oktaSub), false, provenAt(person)), order);
      if (account.id !== id) throw new OboError('person_refused', REFUSED, detailOf(order));
      if (isBehindFence(accessToken, account.notBefore))
        throw new OboError(
          'cognito_unavailable',
          'Cognito gives no token that counts yet; try again.',
          detailOf(order),
        );
      await record(tx, entry);
    });
  }

  private notRevoked(failure: unknown): void {
    const about = { err: failure, code: 'token_not_revoked' };
    this.parts.logger.warn(about, 'a refresh token that nobody will use lives on');
  }

  private notGivenBack(failure: unknown): void {
    this.parts.logger.warn({ err: failure, code: 'id_token_not_given_back' }, 'an ID token stays used up for nothing');
  }
}

/** Before the token is looked at: what the client may not have it gets with no token. Answers the audience. */
function checkPolicy({ tenant }: Site, client: OboClient, { audience, scopes }: OboRequest): string {
  const detail = { client: client.id };
  if (!client.tenants.includes(tenant.tenantId))
    throw new OboError('tenant_not_allowed', 'This client may not act in this tenant.', detail);
  const [only, ...more] = client.audiences;
  const target = audience ?? (more.length === 0 ? only : undefined);
  if (target === undefined || !client.audiences.includes(target))
    throw new OboError('audience_not_allowed', 'This client may not have tokens for this audience.', detail);
  if (scopes.some((scope) => scope !== SCOPE))
    throw new OboError('scope_not_allowed', `No other scope than ${SCOPE} is issued.`, detail);
  return target;
}

const REFUSED = 'The person of subject_token has no access, or lost it after the token was issued.';

function admitted(admission: Admission, order: Order): AccountCopy {
  if ('admitted' in admission) return admission.admitted;
  const { refused } = admission;
  if (refused === 'not_provisioned')
    throw new OboError('not_provisioned', 'The account of the person is being set up; try again.', detailOf(order));
  if (refused === 'account_signing_out')
    throw new OboError('signing_out', 'The person is being signed out everywhere; try again.', detailOf(order));
  throw new OboError('person_refused', REFUSED, { ...detailOf(order), person: refused });
}

const provenAt = ({ iat }: ProvenPerson): Date => new Date(iat * 1000);

const detailOf = ({ client, audience, kind, person }: Order): Record<string, unknown> => ({
  client: client.id,
  audience,
  kind,
  oktaSub: person.oktaSub,
  jti: person.jti,
});

function sentenceOf({ code }: OidcError): string {
  const meaning = oboCodeOf(code);
  if (meaning === 'okta_unavailable') return 'Okta does not answer at the moment; try again.';
  if (meaning === 'not_configured') return 'Okta cannot be asked as this tenant is configured.';
  return `subject_token is not believed (${code}).`;
}
