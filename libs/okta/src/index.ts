export { OktaError, oktaErrorCodes, type OktaErrorCode } from './errors.js';
export { hookEvents, verifyHookSecret, type OktaHookEvent } from './hooks.js';
export * from './management.js';
export * from './oidc/index.js';
export type { OktaAppUser, OktaUser } from './resources.js';
export * from './settings.js';
