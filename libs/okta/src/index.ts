/** Okta as our services ask and hear it: the Management API's reader, and the events that its hooks deliver. */
export { isOktaDomain } from './address.js';
export * from './errors.js';
export * from './hooks.js';
export * from './management.js';
export type { OktaAppUser, OktaUser } from './resources.js';
export * from './settings.js';
