/** Okta as our services ask and hear it: the Management API's reader, and the events that its hooks deliver. */
export { isOktaDomain } from './address.js';
export { OktaError, oktaErrorCodes, type OktaErrorCode } from './errors.js';
export { hookEvents, verifyHookSecret, type OktaHookEvent } from './hooks.js';
export * from './management.js';
export type { OktaAppUser, OktaUser } from './resources.js';
export * from './settings.js';
