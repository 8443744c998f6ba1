/** The secret store (AWS Secrets Manager) and what is kept there: SCIM tokens' hashes, Okta connections, OIDC clients' secrets. */
export * from './oidc-secret.js';
export * from './okta-secret.js';
export * from './okta-secrets.js';
export * from './scim-token-secret.js';
export * from './store.js';
export * from './token.js';
export * from './verifier.js';
