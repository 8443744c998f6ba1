export type { AccessTokenClaims, AccessTokenExpectations } from './access-token.js';
export * from './errors.js';
export * from './id-token.js';
export type { Introspected } from './introspection.js';
export { IssuerRule, type IssuerRuleOptions } from './issuer-rule.js';
export type { LogoutTokenClaims, LogoutTokenExpectations } from './logout-token.js';
export type { ProviderMetadata } from './metadata.js';
export * from './provider.js';
export type { ClientCredentials, CodeGrant, TokenResponse } from './token-endpoint.js';
