/**
 * Verifies the subject token. Its claims and the tenant's settings determine its kind, and `subject_token_type` must
 * agree. The result is the person's Okta id: `sub` of an ID token, `uid` of an access token. (`sub` of an access token
 * is the login name, which may later belong to another person.)
 */
import { Injectable } from '@nestjs/common';
import { decodeJwt, type JWTPayload } from 'jose';
import type { ExchangeSource, TokenKind } from '#contracts';
import { OidcProvider } from '#okta';
import type { Site } from '../http/sites.js';
import { ClientSecrets } from '../login/client-secrets.js';
import { ExchangeError } from './exchange-error.js';
import type { ExchangeRequest } from './exchange-request.js';
import { ExchangeSources } from './exchange-sources.js';

/** A token whose kind was determined but which is not verified yet. */
export interface ClassifiedToken {
  readonly kind: TokenKind;
  readonly token: string;
  /** The issuer, spelled as in the tenant's settings. */
  readonly issuer: string;
  readonly clientId: string;
  readonly source: ExchangeSource | null;
}

export interface ProvenPerson {
  readonly oktaIssuer: string;
  readonly oktaSub: string;
  /** Time of issue, in seconds since 1970. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string | undefined;
  readonly authTime?: number | undefined;
  readonly amr?: readonly string[] | undefined;
}

/** Largest age of an ID token. An older ID token does not prove a recent sign-in. */
const ID_TOKEN_MAX_AGE_SECONDS = 300;

@Injectable()
export class SubjectTokens {
  constructor(
    private readonly provider: OidcProvider,
    private readonly secrets: ClientSecrets,
    private readonly sources: ExchangeSources,
  ) {}

  async classify(
    { tenant }: Site,
    { subjectToken: token, subjectTokenType }: ExchangeRequest,
  ): Promise<ClassifiedToken> {
    const { sso } = tenant.settings;
    if (!sso) throw new ExchangeError('not_configured', 'This tenant has no sign-in through Okta.');
    const orgIssuer = new URL(sso.issuer).origin;
    const found = await this.sources.of(tenant.tenantId);
    // A server of another Okta org is ignored, because the id of a person is unique only within an org.
    const source = found && new URL(found.issuer).origin === orgIssuer ? found : null;
    const claims = claimsIn(token);
    const { clientId } = sso;
    const isAccess = claims === null || 'cid' in claims || 'scp' in claims || 'uid' in claims;
    if (isAccess !== (subjectTokenType === 'access_token'))
      throw new ExchangeError('token_refused', 'subject_token is not of the kind that subject_token_type names.');
    if (!isAccess) return { kind: 'id_token', token, issuer: sso.issuer, clientId, source: null };
    if (source && claims?.iss === this.provider.issuerIn(source.issuer))
      return { kind: 'access_token', token, issuer: source.issuer, clientId, source };
    return { kind: 'org_access_token', token, issuer: orgIssuer, clientId, source: null };
  }

  /** Verifies the token. Rejects with an `OidcError` or an `ExchangeError`. */
  prove(tenantId: string, classified: ClassifiedToken): Promise<ProvenPerson> {
    if (classified.kind === 'id_token') return this.proveIdToken(classified);
    return classified.source
      ? this.proveAccessToken(classified, classified.source)
      : this.proveOrgToken(tenantId, classified);
  }

  private async proveIdToken({ token, issuer, clientId }: ClassifiedToken): Promise<ProvenPerson> {
    const expected = { issuer, clientId, maxTokenAge: ID_TOKEN_MAX_AGE_SECONDS };
    const { sub, iat, exp, jti, auth_time, amr } = await this.provider.verifyIdToken(token, expected);
    if (!jti)
      throw new ExchangeError('token_refused', 'The ID token has no jti, so a second use of it could not be detected.');
    return { oktaIssuer: issuer, oktaSub: sub, iat, exp, jti, authTime: auth_time, amr };
  }

  private async proveAccessToken({ token, issuer }: ClassifiedToken, source: ExchangeSource): Promise<ProvenPerson> {
    const { uid, iat, exp, jti } = await this.provider.verifyAccessToken(token, source);
    return { oktaIssuer: issuer, oktaSub: uid, iat, exp, jti };
  }

  private async proveOrgToken(tenantId: string, { token, issuer, clientId }: ClassifiedToken): Promise<ProvenPerson> {
    const clientSecret = await this.secrets.of(tenantId);
    if (clientSecret === null) throw new ExchangeError('not_configured', 'This tenant has no OIDC client secret.');
    const { uid, iat, exp, jti } = await this.provider.introspect(issuer, { clientId, clientSecret }, token);
    return { oktaIssuer: issuer, oktaSub: uid, iat, exp, jti };
  }
}

/** Decodes the claims without verification, only to determine the kind. Returns null if the token is not a JWT. */
function claimsIn(token: string): JWTPayload | null {
  try {
    return decodeJwt(token);
  } catch {
    return null;
  }
}
