/** The secret store (AWS Secrets Manager) and what is kept there: the SCIM tokens' hashes, the Okta connections. */
export * from './okta-secret.js';
export * from './okta-secrets.js';
export * from './scim-token-secret.js';
export * from './store.js';
export * from './token.js';
export * from './verifier.js';
