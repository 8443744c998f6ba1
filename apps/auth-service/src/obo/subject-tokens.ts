/**
 * Whose token of Okta it is. Which of three kinds it is follows from what it says together with what is configured, never
 * from the caller's word alone; each kind has its own proof, and only the person's Okta id comes out of it: an ID token's
 * `sub`, an access token's `uid`. (An access token's `sub` is the login, which changes hands.)
 */
import { decodeJwt, type JWTPayload } from 'jose';
import type { OidcProvider } from '#okta';
import type { ClientSecrets } from '../login/client-secrets.js';
import type { Site } from '../sites.js';
import type { Clients, ExchangeSource, TokenKind } from './clients.js';
import { OboError } from './obo-error.js';
import type { OboRequest } from './obo-request.js';

/** A token that has a kind and is not believed yet. */
export interface Presented {
  readonly kind: TokenKind;
  readonly token: string;
  /** As configured. */
  readonly issuer: string;
  readonly clientId: string;
  readonly source: ExchangeSource | null;
}

export interface ProvenPerson {
  readonly oktaIssuer: string;
  readonly oktaSub: string;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string | undefined;
  readonly authTime?: number | undefined;
  readonly amr?: readonly string[] | undefined;
}

/** An ID token says that somebody signed in just now; it is no credential to keep. */
const ID_TOKEN_MAX_AGE_SECONDS = 300;

export class SubjectTokens {
  constructor(
    private readonly provider: OidcProvider,
    private readonly secrets: ClientSecrets,
    private readonly clients: Clients,
  ) {}

  async classify({ tenant }: Site, { subjectToken: token, subjectTokenType }: OboRequest): Promise<Presented> {
    const { sso } = tenant.settings;
    if (!sso) throw new OboError('not_configured', 'This tenant has no sign-in through Okta.');
    const orgIssuer = new URL(sso.issuer).origin;
    const found = await this.clients.sourceOf(tenant.tenantId);
    // Ids of people count within their org only.
    const source = found && new URL(found.issuer).origin === orgIssuer ? found : null;
    const said = claimsIn(token);
    const { clientId } = sso;
    const isAccess = said === null || 'cid' in said || 'scp' in said || 'uid' in said;
    if (isAccess !== (subjectTokenType === 'access_token'))
      throw new OboError('token_refused', 'subject_token is not of the kind that subject_token_type names.');
    if (!isAccess) return { kind: 'id_token', token, issuer: sso.issuer, clientId, source: null };
    if (source && said?.iss === this.provider.issuerIn(source.issuer))
      return { kind: 'access_token', token, issuer: source.issuer, clientId, source };
    return { kind: 'org_access_token', token, issuer: orgIssuer, clientId, source: null };
  }

  /** Rejects with an `OidcError` or an `OboError`. */
  prove(tenantId: string, presented: Presented): Promise<ProvenPerson> {
    if (presented.kind === 'id_token') return this.proveIdToken(presented);
    return presented.source
      ? this.proveAccessToken(presented, presented.source)
      : this.proveOrgToken(tenantId, presented);
  }

  private async proveIdToken({ token, issuer, clientId }: Presented): Promise<ProvenPerson> {
    const expected = { issuer, clientId, maxTokenAge: ID_TOKEN_MAX_AGE_SECONDS };
    const { sub, iat, exp, jti, auth_time, amr } = await this.provider.verifyIdToken(token, expected);
    if (!jti) throw new OboError('token_refused', 'The ID token has no jti, so it cannot be told whether it was used.');
    return { oktaIssuer: issuer, oktaSub: sub, iat, exp, jti, authTime: auth_time, amr };
  }

  private async proveAccessToken({ token, issuer }: Presented, source: ExchangeSource): Promise<ProvenPerson> {
    const { uid, iat, exp, jti } = await this.provider.verifyAccessToken(token, source);
    return { oktaIssuer: issuer, oktaSub: uid, iat, exp, jti };
  }

  private async proveOrgToken(tenantId: string, { token, issuer, clientId }: Presented): Promise<ProvenPerson> {
    const clientSecret = await this.secrets.of(tenantId);
    if (clientSecret === null) throw new OboError('not_configured', 'This tenant has no OIDC client secret.');
    const { uid, iat, exp, jti } = await this.provider.introspect(issuer, { clientId, clientSecret }, token);
    return { oktaIssuer: issuer, oktaSub: uid, iat, exp, jti };
  }
}

/** Not verified: good for telling kinds apart, for nothing else. Null = no JWT. */
function claimsIn(token: string): JWTPayload | null {
  try {
    return decodeJwt(token);
  } catch {
    return null;
  }
}
