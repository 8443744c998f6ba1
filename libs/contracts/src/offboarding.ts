/** deactivation-worker's internal API: people, cases, sign-outs, and comparisons with Okta. */
import { IsRFC3339 } from 'class-validator';
import { HELD_REASONS, type HeldBecause } from './common.js';
import {
  Flag,
  Instant,
  Measure,
  Nested,
  NestedList,
  OneOf,
  Shape,
  Text,
  TextList,
  Uuid,
  UuidList,
  Whole,
} from './fields.js';

/**
 * `new`: deactivation-worker has not compared the case with the brake yet. Meanwhile, the case is published as `held`.
 */
export const CASE_STATES = ['new', 'held', 'running', 'completed', 'superseded', 'discarded'] as const;
export type CaseState = (typeof CASE_STATES)[number];

/** The steps of a case, in their order. `first_refused` happens only when the person uses an old token again. */
export const CASE_STEPS = ['fenced', 'disabled', 'signed_out', 'sessions_ended', 'confirmed', 'first_refused'] as const;
export type CaseStep = (typeof CASE_STEPS)[number];

/** Whether the person's Cognito user is enabled. */
export const COGNITO_ACCESS = ['enabled', 'disabled'] as const;
export type CognitoAccess = (typeof COGNITO_ACCESS)[number];

export const ACCESS_STATUSES = ['active', 'inactive', 'removed'] as const;
export type AccessStatus = (typeof ACCESS_STATUSES)[number];

/** States of an Okta user that end access. Okta's API or an event hook reports them; SCIM cannot express them. */
export const OKTA_STATES = ['suspended', 'deprovisioned', 'unassigned'] as const;
export type OktaState = (typeof OKTA_STATES)[number];

const ONE_LINE = /^(?=.*\S)[^\p{C}\u2028\u2029]+$/u;

export class CaseTimings {
  @Instant({ description: "Time at which Okta's request, or another signal, arrived." }) pushedAt!: string;
  @Instant({ description: 'Time at which the case was opened.' }) receivedAt!: string;

  @Instant({
    nullable: true,
    description:
      'Time at which the brake held the case and the first fence was set. Services refuse access tokens that were issued before this time.',
  })
  heldAt!: string | null;

  @Instant({ nullable: true, description: 'Time at which Cognito revoked the refresh tokens of the held person.' })
  heldSignedOutAt!: string | null;

  @Instant({
    nullable: true,
    description: 'Time at which the end of the SSO sessions of the held person was published.',
  })
  heldSessionsEndedAt!: string | null;

  @Instant({ nullable: true }) releasedAt!: string | null;

  @Instant({
    nullable: true,
    description: 'Time at which access ended. From this time on services refuse all access tokens of the account.',
  })
  fencedAt!: string | null;

  @Instant({ nullable: true, description: 'Time at which Cognito disabled the user.' }) disabledAt!: string | null;

  @Instant({ nullable: true, description: 'Time at which Cognito revoked the refresh tokens.' })
  signedOutAt!: string | null;

  @Instant({ nullable: true, description: 'Time at which the end of the SSO sessions was published.' })
  sessionsEndedAt!: string | null;

  @Instant({
    nullable: true,
    description: 'Time at which a read of Cognito confirmed that the user is disabled or absent.',
  })
  confirmedAt!: string | null;

  @Instant({ nullable: true, description: 'Time at which a service first refused a token of this person.' })
  firstRefusedAt!: string | null;
}

export class CaseView {
  @Uuid() id!: string;
  @Uuid() account!: string;
  @Text({ min: 0, max: 1024 }) userName!: string;
  @Text({ nullable: true, min: 0, max: 1024 }) displayName!: string | null;
  @Text({ nullable: true, max: 1024, description: 'Okta user id.' }) externalId!: string | null;
  @OneOf(CASE_STATES) state!: CaseState;
  @Text({ example: 'user.deactivated' }) cause!: string;
  @Text({ description: 'Id of the SCIM request, or of the other signal.' }) causationId!: string;
  @OneOf(HELD_REASONS, { nullable: true }) heldBecause!: HeldBecause | null;

  @Instant({
    nullable: true,
    description: 'Time at which a held case is released automatically. Null for other cases.',
  })
  heldUntil!: Date | null;

  @Text({
    nullable: true,
    description: 'The administrator, `timer`, or `okta` if Okta confirmed the offboarding.',
  })
  releasedBy!: string | null;

  @Nested(() => CaseTimings) timings!: CaseTimings;
  @Instant({ nullable: true }) endedAt!: Date | null;

  @Text({ nullable: true, description: 'The service that first refused a token of this person.' })
  firstRefusedBy!: string | null;

  @Whole({ description: 'Number of failed attempts of the current step in Cognito. Only for running cases.' })
  attempts!: number;

  @Text({ nullable: true, max: 1000 }) lastError!: string | null;
  @Text({ nullable: true }) lastErrorClass!: string | null;
  @Instant({ nullable: true }) nextAttemptAt!: Date | null;
}

export class PersonView {
  @Uuid({ description: 'Account id.' }) account!: string;
  @Uuid() tenant!: string;
  @Text({ min: 0, max: 1024 }) userName!: string;
  @Text({ nullable: true, min: 0, max: 1024 }) displayName!: string | null;
  @Text({ nullable: true, max: 1024, description: 'Okta user id.' }) externalId!: string | null;
  @Flag({ description: 'Whether the person is active in the directory, as pushed by Okta.' }) active!: boolean;
  @Flag() deleted!: boolean;
  @OneOf(OKTA_STATES, { nullable: true }) oktaState!: OktaState | null;
  @Instant({ nullable: true }) oktaStateAt!: Date | null;
  @Flag({ description: 'Whether identity-service has created the Cognito user.' }) provisioned!: boolean;
  @OneOf(COGNITO_ACCESS, { description: 'Desired state in Cognito.' }) desiredAccess!: CognitoAccess;

  @OneOf(COGNITO_ACCESS, {
    nullable: true,
    description: 'Actual state in Cognito. Null means that the state is unknown, or that Cognito has no such user.',
  })
  actualAccess!: CognitoAccess | null;

  @OneOf(ACCESS_STATUSES, {
    nullable: true,
    description: 'Status that was published on identity.access. Null means that no status was published yet.',
  })
  publishedStatus!: AccessStatus | null;

  @TextList() publishedRoles!: readonly string[];

  @Instant({ nullable: true, description: 'The fence: access tokens issued before this instant do not count.' })
  notBefore!: Date | null;

  @Flag({ description: 'Whether Cognito still has to revoke refresh tokens.' }) signOutDue!: boolean;
  @Whole({ description: 'Number of failed attempts of the current step in Cognito.' }) attempts!: number;
  @Text({ nullable: true, max: 1000 }) lastError!: string | null;
  @Text({ nullable: true }) lastErrorClass!: string | null;

  @Instant({
    nullable: true,
    description: 'Time at which the next step in Cognito is due. Null means that no step is left.',
  })
  nextAttemptAt!: Date | null;
}

export class PeopleQuery {
  @Text({ max: 1024, description: 'User name (compared case-insensitively), Okta user id or account id.' })
  who!: string;
}

export class PeopleList {
  @NestedList(() => PersonView, { description: 'At most 100 people, the best match first.' }) people!: PersonView[];
}

export class PersonTimeline {
  @Nested(() => PersonView) person!: PersonView;
  @NestedList(() => CaseView, { description: 'At most 200 cases, newest first.' }) cases!: CaseView[];
}

export class CasesQuery {
  @OneOf(CASE_STATES, { optional: true }) state?: CaseState;
  @Whole({ optional: true, min: 1, max: 1000, description: 'Cases per page; 100 if left out.' }) limit?: number;
  @Uuid({ optional: true, description: 'Opaque value: `next` of the previous page.' }) cursor?: string;
}

export class CasePage {
  @NestedList(() => CaseView, { description: 'Cases, newest first.' }) cases!: CaseView[];

  @Text({ nullable: true, description: 'Cursor of the next page. Null means that this page is the last.' })
  next!: string | null;
}

export class HeldCasesQuery {
  @Whole({ optional: true, min: 1, max: 10_000, description: 'Maximum number of held cases; 1,000 if left out.' })
  limit?: number;
}

export class HeldCases {
  @NestedList(() => CaseView, { description: 'Held cases, the oldest hold first.' }) held!: CaseView[];
  @Whole({ description: 'Number of all held cases of the tenant, including cases beyond `limit`.' }) total!: number;
}

export class ReleaseCasesBody {
  @UuidList({
    optional: true,
    minItems: 1,
    maxItems: 10_000,
    description:
      'Cases to release. If left out, all held cases are released. Null and an empty list are refused, so that a mistake releases nobody.',
  })
  cases?: string[];

  @Text({ max: 200, pattern: ONE_LINE, description: 'The person who is responsible for the release.' }) by!: string;
}

export class ReleasedCases {
  @Whole({ description: 'Number of cases that this request released.' }) released!: number;
}

export class RetryStarted {
  @Uuid() account!: string;
  @Flag() retrying!: boolean;
}

export class RefusalBody {
  @IsRFC3339()
  @Instant({ description: "When the service refused the token, by the service's own clock." })
  at!: string;
}

export class SignOutBody {
  @Text({
    max: 200,
    pattern: ONE_LINE,
    description: 'Causation id of the resulting events, so that they can be traced to the request.',
  })
  causationId!: string;
}

export class SignOutState {
  @Flag({ description: 'Whether refresh tokens that were issued before the sign-out may still be valid.' })
  due!: boolean;

  @Whole({
    description:
      'Latest version of the account on identity.access. If `due` is false, this version contains the fence of the sign-out.',
  })
  accessVersion!: number;
}

export class PercentilesQuery {
  @Uuid({ optional: true }) tenant?: string;

  @Whole({
    optional: true,
    min: 1,
    max: 44_640,
    description: 'Length of the period in minutes; 60 if left out. The period ends now.',
  })
  minutes?: number;
}

export class StepPercentiles {
  @OneOf(CASE_STEPS) step!: CaseStep;
  @Whole({
    description: 'Number of cases that have completed this step and whose fence was set in the requested period.',
  })
  cases!: number;

  @Measure({
    nullable: true,
    description: 'Milliseconds from the push to this step, or from the release if the brake held the case.',
  })
  p50Ms!: number | null;

  @Measure({ nullable: true }) p95Ms!: number | null;
  @Measure({ nullable: true }) p99Ms!: number | null;
}

export class Percentiles {
  @Whole() minutes!: number;
  @Uuid({ nullable: true, description: 'Null means all tenants.' }) tenant!: string | null;
  @NestedList(() => StepPercentiles) steps!: StepPercentiles[];
}

export const OKTA_DRIFT_KINDS = [
  /** The person is assigned in Okta, but unknown here. A push failed or has not arrived yet. */
  'unknown_here',
  /** The person is assigned in Okta, but inactive in the directory. A push failed. */
  'inactive_here',
  /** The person has access here, but is suspended in Okta. */
  'suspended_in_okta',
  /** The person has access here, but is not assigned in Okta. */
  'missing_in_okta',
  /** The person is assigned and not suspended in Okta, but an earlier signal from Okta ended access here. */
  'kept_out_here',
  /** The person has access here, but no Okta user id, so the person cannot be compared. */
  'without_okta_id',
] as const;
export type OktaDriftKind = (typeof OKTA_DRIFT_KINDS)[number];

export const OKTA_COMPARISON_CAUSES = ['nightly', 'request'] as const;
export type OktaComparisonCause = (typeof OKTA_COMPARISON_CAUSES)[number];

export const OKTA_COMPARISON_STATES = ['running', 'done', 'failed'] as const;
export type OktaComparisonState = (typeof OKTA_COMPARISON_STATES)[number];

/**
 * The phases, in their order. `suspended` reads the suspended users of Okta. `assigned` compares the users of the Okta
 * app, and `access` compares the people with access. `checks` asks Okta about single people.
 */
export const OKTA_COMPARISON_PHASES = ['suspended', 'assigned', 'access', 'checks', 'done'] as const;
export type OktaComparisonPhase = (typeof OKTA_COMPARISON_PHASES)[number];

export class OktaDrift {
  @Whole() count!: number;
  @TextList({ description: 'The first 20 names.' }) sample!: string[];
}

export class OktaComparisonProgress {
  @OneOf(OKTA_COMPARISON_PHASES) phase!: OktaComparisonPhase;
  @Whole({ description: 'Number of users of the Okta app that were compared so far.' }) oktaUsers!: number;
  @Whole({ description: 'Number of people with access here who were compared so far.' }) people!: number;

  @Shape({ description: `Differences by kind (${OKTA_DRIFT_KINDS.join(', ')}), each \`{ count, sample }\`.` })
  drift!: Record<OktaDriftKind, OktaDrift>;
}

export class OktaComparison {
  @Uuid() id!: string;
  @OneOf(OKTA_COMPARISON_CAUSES) cause!: OktaComparisonCause;
  @OneOf(OKTA_COMPARISON_STATES) state!: OktaComparisonState;
  @Instant() startedAt!: Date;
  @Instant({ nullable: true }) finishedAt!: Date | null;
  @Nested(() => OktaComparisonProgress) progress!: OktaComparisonProgress;
  @Whole({ description: 'Number of people who were checked one by one in Okta.' }) checked!: number;
  @Whole({ description: 'Number of checked people whose recorded state in Okta changed.' }) changed!: number;
  @Text({ nullable: true, max: 1000 }) error!: string | null;

  @Text({
    nullable: true,
    description:
      '`okta_app_empty` (Okta lists nobody; repeat with `force` if that is true), `unanswered`, `interrupted`, `internal`, `secret_store_unavailable`, or a code of the Okta client such as `unauthorized`.',
  })
  errorCode!: string | null;
}

export class OktaComparisonBody {
  @Flag({ optional: true, description: 'If true, the comparison continues even if Okta lists nobody as assigned.' })
  force?: boolean;
}

export class OktaComparisonStarted {
  @Uuid() run!: string;
}
