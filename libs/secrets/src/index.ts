/** Access to AWS Secrets Manager: hashes of SCIM tokens, Okta credentials, and secrets of OIDC clients. */
export * from './oidc-secret.js';
export * from './okta-secret.js';
export * from './okta-secrets.js';
export * from './scim-token-secret.js';
export * from './store.js';
export * from './tenant-secrets.js';
export * from './token.js';
export * from './verifier.js';
