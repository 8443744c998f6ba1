/** How cases and people look from outside, and the columns that this takes. */
import type { OffboardingCase } from '#events';
import { caseOf, type CaseRow } from '../cases/case-event.js';
import { CASE_COLUMNS } from '../cases/case.sql.js';

export const CASE_STATES = ['new', 'held', 'running', 'completed', 'superseded', 'discarded'] as const;
export type CaseState = (typeof CASE_STATES)[number];

/** `offboardingCase` of the event catalog, and what only somebody who looks now can be told. */
export interface CaseView extends Omit<OffboardingCase, 'state'> {
  readonly state: CaseState;
  readonly externalId: string | null;
  /** Held only: when it is released by itself. */
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
export const caseViewColumns = `
  ${CASE_COLUMNS}, p.external_id, c.first_refused_by, c.ended_at,
  case when c.state = 'running' then p.attempts else 0 end as attempts,
  case when c.state = 'running' then p.last_error end as last_error,
  case when c.state = 'running' then p.last_error_class end as last_error_class,
  case when c.state = 'running' then p.due_at end as next_attempt_at`;

export interface CaseViewRow extends CaseRow {
  readonly external_id: string | null;
  readonly first_refused_by: string | null;
  readonly ended_at: Date | null;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly last_error_class: string | null;
  readonly next_attempt_at: Date | null;
}

const hoursAfter = (at: Date, hours: number): string => new Date(at.getTime() + hours * 3_600_000).toISOString();

/** `holdHours`: of the tenant's brake. */
export function toCaseView(row: CaseViewRow, holdHours: number): CaseView {
  return {
    ...caseOf(row),
    state: row.state,
    externalId: row.external_id,
    heldUntil: row.state === 'held' && row.held_at ? hoursAfter(row.held_at, holdHours) : null,
    endedAt: row.ended_at?.toISOString() ?? null,
    firstRefusedBy: row.first_refused_by,
    attempts: row.attempts,
    lastError: row.last_error,
    lastErrorClass: row.last_error_class,
    nextAttemptAt: row.next_attempt_at?.toISOString() ?? null,
  };
}

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
