/** The secret store (AWS Secrets Manager) and what is kept there: the SCIM tokens' hashes. */
export * from './scim-token-secret.js';
export * from './store.js';
export * from './token.js';
export * from './verifier.js';
