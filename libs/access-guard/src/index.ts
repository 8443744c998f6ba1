/**
 * The guard that an internal service installs: it verifies Cognito access tokens and refuses accounts without access.
 * Use `AccessGuardModule.forRoot` with Nest, or `AccessGuard.authorize` without Nest.
 */
export {
  decide,
  defaultPolicy,
  isFenced,
  type AccessPolicy,
  type Decision,
  type Freshness,
  type TokenFacts,
} from './decide.js';
export { AccessDenied, denialReasons, type DenialReason } from './denied.js';
export { busFeed, type AccessFeed, type AccessSink } from './feed.js';
export { AccessGuard, type AccessGuardOptions, type CallerAccess } from './guard.js';
export { KeySet, type KeySetOptions } from './jwks.js';
export { AccessGuardModule, Caller, Public, Roles, type AccessGuardModuleOptions } from './nest.js';
export type { OnRefused, Refusal } from './refusals.js';
export { reportRefusals, type ReportRefusalsOptions } from './report-refusals.js';
export { guardOptions, guardSettings } from './settings.js';
export { TokenVerifier, type TokenVerifierOptions, type VerifiedToken } from './token.js';
export { AccessView, type AccessEntry, type AccessRecord } from './view.js';
export type { Clock } from './clock.js';
