/**
 * Guard a service with StackFlow's access tokens. The guard verifies each token and knows the current access of every
 * account, so it refuses an account within milliseconds after its access ends. This entry needs no framework. The
 * entries `/nest`, `/fastify` and `/express` connect the guard to a framework.
 */
export {
  AccessDenied,
  AccessGuard,
  busFeed,
  denialReasons,
  reportRefusals,
  type AccessFeed,
  type AccessGuardOptions,
  type AccessPolicy,
  type AccessRecord,
  type AccessSink,
  type CallerAccess,
  type DeniedBody,
  type DenialReason,
  type Freshness,
  type OnRefused,
  type Refusal,
  type ReportRefusalsOptions,
} from '#access-guard';
export type { FollowLogger, FollowSource, KafkaAccess } from '#event-bus';
