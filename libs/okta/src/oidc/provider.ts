/**
 * One door to every tenant's OpenID provider. Metadata and keys are cached per issuer; several callers share one
 * question; while a provider gives no answer, what it said last stands.
 */
import type { JWTVerifyGetKey } from 'jose';
import { verifyAccessToken, type AccessTokenClaims, type AccessTokenExpectations } from './access-token.js';
import { OidcError } from './errors.js';
import { ProviderHttp } from './http.js';
import { verifyIdToken, type IdTokenClaims, type IdTokenExpectations } from './id-token.js';
import { introspect, type Introspected } from './introspection.js';
import { IssuerRule, type IssuerRuleOptions } from './issuer-rule.js';
import { providerKeys, type KeyOptions } from './keys.js';
import { verifyLogoutToken, type LogoutTokenClaims, type LogoutTokenExpectations } from './logout-token.js';
import { discoveryUrl, parseMetadata, type ProviderMetadata } from './metadata.js';
import { exchangeCode, type ClientCredentials, type CodeGrant, type TokenResponse } from './token-endpoint.js';

export interface OidcProviderOptions extends IssuerRuleOptions {
  readonly timeoutMs?: number;
  readonly metadataCacheMs?: number;
  readonly keyCacheMs?: number;
  readonly keyCooldownMs?: number;
}

interface Known {
  readonly metadata: ProviderMetadata;
  readonly keys: JWTVerifyGetKey;
  readonly freshUntil: number;
}

/** After a failed question the old answer is good for this long before the next try. */
const RETRY_MS = 30_000;

export class OidcProvider {
  private readonly rule: IssuerRule;
  private readonly http: ProviderHttp;
  private readonly keyOptions: KeyOptions;
  private readonly metadataCacheMs: number;
  private readonly known = new Map<string, Known>();
  private readonly asking = new Map<string, Promise<Known>>();

  constructor(options: OidcProviderOptions = {}) {
    const timeoutMs = options.timeoutMs ?? 5_000;
    this.rule = new IssuerRule(options);
    this.http = new ProviderHttp(this.rule.overridden, timeoutMs);
    this.metadataCacheMs = options.metadataCacheMs ?? 600_000;
    this.keyOptions = {
      cacheMs: options.keyCacheMs ?? 600_000,
      cooldownMs: options.keyCooldownMs ?? 30_000,
      timeoutMs,
    };
  }

  /** `issuer` as it stands in the tenant's settings. Rejects with an `OidcError`. */
  async discover(issuer: string): Promise<ProviderMetadata> {
    return (await this.of(this.rule.resolve(issuer))).metadata;
  }

  async exchangeCode(metadata: ProviderMetadata, client: ClientCredentials, grant: CodeGrant): Promise<TokenResponse> {
    return exchangeCode(this.http, metadata.tokenEndpoint, client, grant);
  }

  /** `expected.issuer` as it stands in the tenant's settings. Resolves with the claims of a token that passed every check. */
  async verifyIdToken(token: string, expected: IdTokenExpectations): Promise<IdTokenClaims> {
    const { metadata, keys } = await this.of(this.rule.resolve(expected.issuer));
    return verifyIdToken(token, keys, { ...expected, issuer: metadata.issuer });
  }

  /** The issuer as it stands in tokens, for an issuer of the settings. Throws `issuer_not_allowed`. */
  issuerIn(issuer: string): string {
    return this.rule.resolve(issuer);
  }

  /** A JWT of a custom authorization server; `expected.issuer` as configured. */
  async verifyAccessToken(token: string, expected: AccessTokenExpectations): Promise<AccessTokenClaims> {
    const { metadata, keys } = await this.of(this.rule.resolve(expected.issuer));
    return verifyAccessToken(token, keys, { ...expected, issuer: metadata.issuer });
  }

  /** A logout token of the org; `expected.issuer` as configured. */
  async verifyLogoutToken(token: string, expected: LogoutTokenExpectations): Promise<LogoutTokenClaims> {
    const { metadata, keys } = await this.of(this.rule.resolve(expected.issuer));
    return verifyLogoutToken(token, keys, { ...expected, issuer: metadata.issuer });
  }

  /** An access token of the org authorization server, whose keys for them are not published: only it can tell. */
  async introspect(orgIssuer: string, client: ClientCredentials, token: string): Promise<Introspected> {
    const { metadata } = await this.of(this.rule.resolve(orgIssuer));
    return introspect(this.http, metadata, client, token);
  }

  close(): void {
    this.http.close();
  }

  /** `issuer` as the protocol sees it. */
  private of(issuer: string): Promise<Known> {
    const known = this.known.get(issuer);
    if (known && performance.now() < known.freshUntil) return Promise.resolve(known);
    let asking = this.asking.get(issuer);
    if (!asking) {
      asking = this.ask(issuer, known).finally(() => this.asking.delete(issuer));
      this.asking.set(issuer, asking);
    }
    return asking;
  }

  private async ask(issuer: string, before: Known | undefined): Promise<Known> {
    const known = await this.read(issuer, before).catch((error: unknown) => {
      if (before && error instanceof OidcError && error.retryable)
        return { ...before, freshUntil: performance.now() + RETRY_MS };
      throw error;
    });
    this.known.set(issuer, known);
    return known;
  }

  private async read(issuer: string, before: Known | undefined): Promise<Known> {
    const { status, body } = await this.http.send(discoveryUrl(issuer), { method: 'GET' });
    if (status !== 200) throw new OidcError('provider_invalid', `${issuer} has no discovery document (${status}).`);
    const metadata = parseMetadata(body, issuer);
    const keys =
      before?.metadata.jwksUri === metadata.jwksUri
        ? before.keys
        : providerKeys(this.http, metadata.jwksUri, this.keyOptions);
    return { metadata, keys, freshUntil: performance.now() + this.metadataCacheMs };
  }
}
