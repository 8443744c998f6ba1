/**
 * The client for the OpenID providers of all tenants. Metadata and keys are cached per issuer, and concurrent callers
 * share one request. While a provider does not answer, the last metadata stays in use.
 *
 * Callers pass the issuer from the tenant's settings. Failures are `OidcError`s.
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

interface CachedProvider {
  readonly metadata: ProviderMetadata;
  readonly keys: JWTVerifyGetKey;
  readonly freshUntil: number;
}

/** After a failed request, the cached metadata is used for this long before the next attempt. */
const RETRY_MS = 30_000;

export class OidcProvider {
  private readonly rule: IssuerRule;
  private readonly http: ProviderHttp;
  private readonly keyOptions: KeyOptions;
  private readonly metadataCacheMs: number;
  private readonly cached = new Map<string, CachedProvider>();
  private readonly pending = new Map<string, Promise<CachedProvider>>();

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

  async discover(issuer: string): Promise<ProviderMetadata> {
    return (await this.of(this.rule.resolve(issuer))).metadata;
  }

  async exchangeCode(metadata: ProviderMetadata, client: ClientCredentials, grant: CodeGrant): Promise<TokenResponse> {
    return exchangeCode(this.http, metadata.tokenEndpoint, client, grant);
  }

  async verifyIdToken(token: string, expected: IdTokenExpectations): Promise<IdTokenClaims> {
    const { metadata, keys } = await this.of(this.rule.resolve(expected.issuer));
    return verifyIdToken(token, keys, { ...expected, issuer: metadata.issuer });
  }

  /** Returns the issuer that tokens contain. Throws `issuer_not_allowed`. */
  issuerIn(issuer: string): string {
    return this.rule.resolve(issuer);
  }

  async verifyAccessToken(token: string, expected: AccessTokenExpectations): Promise<AccessTokenClaims> {
    const { metadata, keys } = await this.of(this.rule.resolve(expected.issuer));
    return verifyAccessToken(token, keys, { ...expected, issuer: metadata.issuer });
  }

  async verifyLogoutToken(token: string, expected: LogoutTokenExpectations): Promise<LogoutTokenClaims> {
    const { metadata, keys } = await this.of(this.rule.resolve(expected.issuer));
    return verifyLogoutToken(token, keys, { ...expected, issuer: metadata.issuer });
  }

  async introspect(orgIssuer: string, client: ClientCredentials, token: string): Promise<Introspected> {
    const { metadata } = await this.of(this.rule.resolve(orgIssuer));
    return introspect(this.http, metadata, client, token);
  }

  close(): void {
    this.http.close();
  }

  /** `issuer` is the issuer that tokens contain. */
  private of(issuer: string): Promise<CachedProvider> {
    const cached = this.cached.get(issuer);
    if (cached && performance.now() < cached.freshUntil) return Promise.resolve(cached);
    let pending = this.pending.get(issuer);
    if (!pending) {
      pending = this.refresh(issuer, cached).finally(() => this.pending.delete(issuer));
      this.pending.set(issuer, pending);
    }
    return pending;
  }

  private async refresh(issuer: string, before: CachedProvider | undefined): Promise<CachedProvider> {
    const provider = await this.read(issuer, before).catch((error: unknown) => {
      if (before && error instanceof OidcError && error.retryable)
        return { ...before, freshUntil: performance.now() + RETRY_MS };
      throw error;
    });
    this.cached.set(issuer, provider);
    return provider;
  }

  private async read(issuer: string, before: CachedProvider | undefined): Promise<CachedProvider> {
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
