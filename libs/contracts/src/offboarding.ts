/**
 * The internal API of deactivation-worker: who has access, the cases that take it away, what the brake holds, sign-outs,
 * and comparisons with Okta.
 */
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

/** `new` = not yet admitted, which takes milliseconds; everybody else sees such a case as `held`. */
export const CASE_STATES = ['new', 'held', 'running', 'completed', 'superseded', 'discarded'] as const;
export type CaseState = (typeof CASE_STATES)[number];

/** The steps of a case, in their order. `first_refused` depends on when the person comes back. */
export const CASE_STEPS = ['fenced', 'disabled', 'signed_out', 'sessions_ended', 'confirmed', 'first_refused'] as const;
export type CaseStep = (typeof CASE_STEPS)[number];

/** Whether the person's Cognito user is enabled. */
export const COGNITO_ACCESS = ['enabled', 'disabled'] as const;
export type CognitoAccess = (typeof COGNITO_ACCESS)[number];

export const ACCESS_STATUSES = ['active', 'inactive', 'removed'] as const;
export type AccessStatus = (typeof ACCESS_STATUSES)[number];

/** A state that Okta's API or an event hook reported and that ends access; SCIM cannot express it. */
export const OKTA_STATES = ['suspended', 'deprovisioned', 'missing'] as const;
export type OktaState = (typeof OKTA_STATES)[number];

/** A name in the evidence: one line of visible text. */
const ONE_LINE = /^(?=.*\S)[^\p{C}\u2028\u2029]+$/u;

export class CaseTimings {
  @Instant({ description: "When Okta's request, or another signal, arrived." })
  pushedAt!: string;

  @Instant({ description: 'When the case was opened.' })
  receivedAt!: string;

  @Instant({ nullable: true })
  heldAt!: string | null;

  @Instant({ nullable: true })
  releasedAt!: string | null;

  @Instant({ nullable: true, description: 'From here on services refuse all earlier access tokens.' })
  fencedAt!: string | null;

  @Instant({ nullable: true, description: 'When Cognito disabled the user.' })
  disabledAt!: string | null;

  @Instant({ nullable: true, description: 'When Cognito revoked the refresh tokens.' })
  signedOutAt!: string | null;

  @Instant({ nullable: true, description: 'When the end of the SSO sessions was published.' })
  sessionsEndedAt!: string | null;

  @Instant({ nullable: true, description: 'When Cognito was read back and showed the user disabled or absent.' })
  confirmedAt!: string | null;

  @Instant({ nullable: true, description: 'When a service first refused a token of this person.' })
  firstRefusedAt!: string | null;
}

/** `offboardingCase` of the event catalog, and what is known only at the moment of the request. */
export class CaseView {
  @Uuid()
  id!: string;

  @Uuid()
  account!: string;

  @Text({ min: 0, max: 1024 })
  userName!: string;

  @Text({ nullable: true, min: 0, max: 1024 })
  displayName!: string | null;

  @Text({ nullable: true, max: 1024, description: 'Okta user id.' })
  externalId!: string | null;

  @OneOf(CASE_STATES)
  state!: CaseState;

  @Text({ example: 'user.deactivated' })
  cause!: string;

  @Text({ description: 'Id of the SCIM request, or of the other signal.' })
  causationId!: string;

  @OneOf(HELD_REASONS, { nullable: true })
  heldBecause!: HeldBecause | null;

  @Instant({ nullable: true, description: 'Held cases only: when the timer releases it.' })
  heldUntil!: Date | null;

  @Text({ nullable: true })
  releasedBy!: string | null;

  @Nested(() => CaseTimings)
  timings!: CaseTimings;

  @Instant({ nullable: true })
  endedAt!: Date | null;

  @Text({ nullable: true, description: 'The service that first refused a token of this person.' })
  firstRefusedBy!: string | null;

  @Whole({ description: 'Failed attempts of the current step at Cognito; running cases only.' })
  attempts!: number;

  @Text({ nullable: true, max: 1000 })
  lastError!: string | null;

  @Text({ nullable: true })
  lastErrorClass!: string | null;

  @Instant({ nullable: true })
  nextAttemptAt!: Date | null;
}

export class PersonView {
  @Uuid({ description: 'Account id.' })
  account!: string;

  @Uuid()
  tenant!: string;

  @Text({ min: 0, max: 1024 })
  userName!: string;

  @Text({ nullable: true, min: 0, max: 1024 })
  displayName!: string | null;

  @Text({ nullable: true, max: 1024, description: 'Okta user id.' })
  externalId!: string | null;

  @Flag({ description: 'In the directory, as Okta pushed it.' })
  active!: boolean;

  @Flag()
  deleted!: boolean;

  @OneOf(OKTA_STATES, { nullable: true })
  oktaState!: OktaState | null;

  @Instant({ nullable: true })
  oktaStateAt!: Date | null;

  @Flag({ description: 'Whether identity-service has created the Cognito user.' })
  provisioned!: boolean;

  @OneOf(COGNITO_ACCESS, { description: 'What Cognito should hold.' })
  desiredAccess!: CognitoAccess;

  @OneOf(COGNITO_ACCESS, { nullable: true, description: 'What Cognito holds; null = state unknown, or no such user.' })
  actualAccess!: CognitoAccess | null;

  @OneOf(ACCESS_STATUSES, { nullable: true, description: 'As published on identity.access; null = not published yet.' })
  publishedStatus!: AccessStatus | null;

  @TextList()
  publishedRoles!: readonly string[];

  @Instant({ nullable: true, description: 'The fence: earlier access tokens do not count.' })
  notBefore!: Date | null;

  @Flag({ description: 'Whether Cognito still has to revoke refresh tokens.' })
  signOutDue!: boolean;

  @Whole({ description: 'Failed attempts of the current step at Cognito.' })
  attempts!: number;

  @Text({ nullable: true, max: 1000 })
  lastError!: string | null;

  @Text({ nullable: true })
  lastErrorClass!: string | null;

  @Instant({ nullable: true, description: 'When the next step at Cognito is due; null = nothing is left to do.' })
  nextAttemptAt!: Date | null;
}

export class PeopleQuery {
  @Text({ max: 1024, description: 'User name (in any case), Okta user id or account id.' })
  who!: string;
}

export class PeopleList {
  @NestedList(() => PersonView, { description: 'The best match first; at most 100.' })
  people!: PersonView[];
}

export class PersonTimeline {
  @Nested(() => PersonView)
  person!: PersonView;

  @NestedList(() => CaseView, { description: 'Newest first; at most 200.' })
  cases!: CaseView[];
}

export class CasesQuery {
  @OneOf(CASE_STATES, { optional: true })
  state?: CaseState;

  @Whole({ optional: true, min: 1, max: 1000, description: '100 if left out.' })
  limit?: number;

  @Uuid({ optional: true, description: 'Opaque: `next` of the page before.' })
  cursor?: string;
}

export class CasePage {
  @NestedList(() => CaseView, { description: 'Newest first.' })
  cases!: CaseView[];

  @Text({ nullable: true, description: 'Cursor of the next page; null = this is the last one.' })
  next!: string | null;
}

export class HeldCasesQuery {
  @Whole({ optional: true, min: 1, max: 10_000, description: '1,000 if left out.' })
  limit?: number;
}

export class HeldCases {
  @NestedList(() => CaseView, { description: 'Those held longest first.' })
  held!: CaseView[];

  @Whole({ description: 'All held cases of the tenant, also those beyond the limit.' })
  total!: number;
}

export class ReleaseCasesBody {
  @UuidList({
    optional: true,
    minItems: 1,
    maxItems: 10_000,
    description: 'Left out = all held cases. Null and an empty list are refused, so that a mistake releases nobody.',
  })
  cases?: string[];

  @Text({ max: 200, pattern: ONE_LINE, description: 'Who is responsible for the release.' })
  by!: string;
}

export class ReleasedCases {
  @Whole({ description: 'How many of them were held.' })
  released!: number;
}

export class RetryStarted {
  @Uuid()
  account!: string;

  @Flag()
  retrying!: boolean;
}

export class RefusalBody {
  @IsRFC3339()
  @Instant({ description: "When the service refused the token, by the service's own clock." })
  at!: string;

  @Text({ max: 200, pattern: ONE_LINE, description: 'The service that refused.' })
  service!: string;
}

export class SignOutBody {
  @Text({ max: 200, pattern: ONE_LINE, description: 'Who requests it, e.g. the calling service.' })
  by!: string;

  @Text({
    max: 200,
    pattern: ONE_LINE,
    description: 'Goes into the events, so that they can be traced to the request.',
  })
  causationId!: string;
}

export class SignOutState {
  @Flag({ description: 'Earlier refresh tokens may still be valid.' })
  due!: boolean;

  @Whole({ description: 'Version of identity.access. Once not due, this version or a later one has the fence.' })
  accessVersion!: number;
}

export class PercentilesQuery {
  @Uuid({ optional: true })
  tenant?: string;

  @Whole({
    optional: true,
    min: 1,
    max: 44_640,
    description: 'Cases of so many minutes, back from now; 60 if left out.',
  })
  minutes?: number;
}

export class StepPercentiles {
  @OneOf(CASE_STEPS)
  step!: CaseStep;

  @Whole({ description: 'Cases of the requested time that have done this step.' })
  cases!: number;

  @Measure({ nullable: true, description: 'Milliseconds since the push, or since the release if the brake held it.' })
  p50Ms!: number | null;

  @Measure({ nullable: true })
  p95Ms!: number | null;

  @Measure({ nullable: true })
  p99Ms!: number | null;
}

export class Percentiles {
  @Whole()
  minutes!: number;

  @Uuid({ nullable: true, description: 'Null = all tenants.' })
  tenant!: string | null;

  @NestedList(() => StepPercentiles)
  steps!: StepPercentiles[];
}

export const OKTA_DRIFT_KINDS = [
  /** Assigned in Okta, unknown here: a push failed or is under way. */
  'unknown_here',
  /** Assigned in Okta, inactive in the directory: a push failed. */
  'inactive_here',
  /** Has access here, suspended in Okta. */
  'suspended_in_okta',
  /** Has access here, not assigned in Okta. */
  'missing_in_okta',
  /** An earlier signal from Okta ended access here; assigned and not suspended in Okta. */
  'kept_out_here',
  /** Has access here, but no Okta user id, so cannot be compared. */
  'without_okta_id',
] as const;
export type OktaDriftKind = (typeof OKTA_DRIFT_KINDS)[number];

export const OKTA_COMPARISON_CAUSES = ['nightly', 'request'] as const;
export type OktaComparisonCause = (typeof OKTA_COMPARISON_CAUSES)[number];

export const OKTA_COMPARISON_STATES = ['running', 'done', 'failed'] as const;
export type OktaComparisonState = (typeof OKTA_COMPARISON_STATES)[number];

/** Lists suspended users, compares the app's users, then the people with access here, then checks people one by one. */
export const OKTA_COMPARISON_PHASES = ['suspended', 'assigned', 'access', 'checks', 'done'] as const;
export type OktaComparisonPhase = (typeof OKTA_COMPARISON_PHASES)[number];

export class OktaDrift {
  @Whole()
  count!: number;

  @TextList({ description: 'The first 20 names.' })
  sample!: string[];
}

export class OktaComparisonProgress {
  @OneOf(OKTA_COMPARISON_PHASES)
  phase!: OktaComparisonPhase;

  @Whole({ description: 'Users of the Okta app that were compared so far.' })
  oktaUsers!: number;

  @Whole({ description: 'People with access here that were compared so far.' })
  people!: number;

  @Shape({ description: `Differences by kind (${OKTA_DRIFT_KINDS.join(', ')}), each \`{ count, sample }\`.` })
  drift!: Record<OktaDriftKind, OktaDrift>;
}

export class OktaComparison {
  @Uuid()
  id!: string;

  @OneOf(OKTA_COMPARISON_CAUSES)
  cause!: OktaComparisonCause;

  @OneOf(OKTA_COMPARISON_STATES)
  state!: OktaComparisonState;

  @Instant()
  startedAt!: Date;

  @Instant({ nullable: true })
  finishedAt!: Date | null;

  @Nested(() => OktaComparisonProgress)
  progress!: OktaComparisonProgress;

  @Whole({ description: 'People that were checked one by one in Okta.' })
  checked!: number;

  @Whole({ description: 'Checked people for whom something changed here.' })
  changed!: number;

  @Text({ nullable: true, max: 1000 })
  error!: string | null;

  @Text({
    nullable: true,
    description:
      '`okta_app_empty` (Okta lists nobody; repeat with `force` if that is true), `unanswered`, `interrupted`, `internal`, `secret_store_unavailable`, or a code of the Okta client such as `unauthorized`.',
  })
  errorCode!: string | null;
}

export class OktaComparisonBody {
  @Flag({ optional: true, description: 'Accept a list of the Okta app that is empty.' })
  force?: boolean;
}

export class OktaComparisonStarted {
  @Uuid()
  run!: string;
}
