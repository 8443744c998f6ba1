/** How cases and people look from outside, and the columns that this takes. Instants are ISO 8601 in UTC. */
import type { OffboardingCase } from '#events';

export const CASE_STATES = ['new', 'held', 'running', 'completed', 'superseded', 'discarded'] as const;
export type CaseState = (typeof CASE_STATES)[number];

/** `offboardingCase` of the event catalog, and what only somebody who looks now can be told. */
export interface CaseView extends Omit<OffboardingCase, 'state'> {
  readonly state: CaseState;
  readonly externalId: string | null;
  /** Held only: when it is released by itself; null without a brake, which keeps nothing from being released. */
  readonly heldUntil: string | null;
  readonly endedAt: string | null;
  /** The service that refused a token first. */
  readonly firstRefusedBy: string | null;
  /** Of the work at Cognito; only a running case has any. */
  readonly attempts: number;
  readonly lastError: string | null;
  readonly lastErrorClass: string | null;
  readonly nextAttemptAt: string | null;
}

/** The queue belongs to the person: of his cases it can only be about the one that is running. */
export const caseColumns = `
  c.id, c.account_id, p.user_name, p.display_name, p.external_id, c.state, c.cause, c.causation_id, c.held_because, c.released_by,
  c.pushed_at, c.received_at, c.held_at, c.released_at, c.fenced_at, c.disabled_at, c.signed_out_at, c.sessions_ended_at, c.confirmed_at,
  c.first_refused_at, c.first_refused_by, c.ended_at,
  case when c.state = 'running' then p.attempts else 0 end as attempts,
  case when c.state = 'running' then p.last_error end as last_error,
  case when c.state = 'running' then p.last_error_class end as last_error_class,
  case when c.state = 'running' then p.due_at end as next_attempt_at`;

export interface CaseRow {
  readonly id: string;
  readonly account_id: string;
  readonly user_name: string;
  readonly display_name: string | null;
  readonly external_id: string | null;
  readonly state: CaseState;
  readonly cause: string;
  readonly causation_id: string;
  readonly held_because: CaseView['heldBecause'];
  readonly released_by: string | null;
  readonly pushed_at: Date;
  readonly received_at: Date;
  readonly held_at: Date | null;
  readonly released_at: Date | null;
  readonly fenced_at: Date | null;
  readonly disabled_at: Date | null;
  readonly signed_out_at: Date | null;
  readonly sessions_ended_at: Date | null;
  readonly confirmed_at: Date | null;
  readonly first_refused_at: Date | null;
  readonly first_refused_by: string | null;
  readonly ended_at: Date | null;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly last_error_class: string | null;
  readonly next_attempt_at: Date | null;
}

const iso = (at: Date | null): string | null => at?.toISOString() ?? null;
const HOUR_MS = 3_600_000;

/** `holdHours` of the tenant's brake; null = it has none. */
export const toCaseView = (row: CaseRow, holdHours: number | null): CaseView => ({
  id: row.id,
  account: row.account_id,
  userName: row.user_name,
  displayName: row.display_name,
  externalId: row.external_id,
  state: row.state,
  cause: row.cause,
  causationId: row.causation_id,
  heldBecause: row.held_because,
  heldUntil:
    row.state === 'held' && row.held_at && holdHours !== null
      ? iso(new Date(row.held_at.getTime() + holdHours * HOUR_MS))
      : null,
  releasedBy: row.released_by,
  timings: {
    pushedAt: row.pushed_at.toISOString(),
    receivedAt: row.received_at.toISOString(),
    heldAt: iso(row.held_at),
    releasedAt: iso(row.released_at),
    fencedAt: iso(row.fenced_at),
    disabledAt: iso(row.disabled_at),
    signedOutAt: iso(row.signed_out_at),
    sessionsEndedAt: iso(row.sessions_ended_at),
    confirmedAt: iso(row.confirmed_at),
    firstRefusedAt: iso(row.first_refused_at),
  },
  firstRefusedBy: row.first_refused_by,
  endedAt: iso(row.ended_at),
  attempts: row.attempts,
  lastError: row.last_error,
  lastErrorClass: row.last_error_class,
  nextAttemptAt: iso(row.next_attempt_at),
});

export const personColumns = `
  id as account, tenant, user_name as "userName", display_name as "displayName", external_id as "externalId",
  door, active, deleted, okta_state as "oktaState", okta_state_at as "oktaStateAt", provisioned,
  published_status as "publishedStatus", published_roles as "publishedRoles", not_before as "notBefore",
  cognito_enabled as "cognitoEnabled", sign_out_due as "signOutDue",
  attempts, last_error as "lastError", last_error_class as "lastErrorClass", due_at as "nextAttemptAt"`;

export interface PersonView {
  readonly account: string;
  readonly tenant: string;
  readonly userName: string;
  readonly displayName: string | null;
  readonly externalId: string | null;
  /** What is wanted; Cognito may not show it yet. */
  readonly door: 'open' | 'closed';
  /** In the directory, as Okta pushed it. */
  readonly active: boolean;
  readonly deleted: boolean;
  /** What Okta's API or an event hook said beyond SCIM: `suspended`, `deprovisioned`, `missing`. */
  readonly oktaState: string | null;
  readonly oktaStateAt: Date | null;
  /** Whether Cognito has the user. */
  readonly provisioned: boolean;
  /** What services are told on `identity.access`. */
  readonly publishedStatus: 'active' | 'inactive' | 'removed' | null;
  readonly publishedRoles: readonly string[];
  readonly notBefore: Date | null;
  /** Null = not known at the moment; it is read back before anything is believed. */
  readonly cognitoEnabled: boolean | null;
  readonly signOutDue: boolean;
  /** Of the work at Cognito that is left, closing or reopening. */
  readonly attempts: number;
  readonly lastError: string | null;
  readonly lastErrorClass: string | null;
  readonly nextAttemptAt: Date | null;
}
