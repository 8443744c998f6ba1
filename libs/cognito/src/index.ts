/** Client for a Cognito user pool, with quota buckets that all replicas share. */
export * from './backoff.js';
export type { CognitoClientOptions } from './calls.js';
export * from './custom-auth.js';
export * from './errors.js';
export * from './quota-gate.js';
export { quotaSql } from './quota.sql.js';
export * from './quotas.js';
export * from './settings.js';
export * from './user-pool.js';
