/** What is written when somebody is to be signed out everywhere and keeps his access. */
import type { NewEvent } from '#event-bus';
import { accessEvent } from './access-event.js';

/** `p` = the person after the statement; what the record on `identity.access` is made of. */
export const FENCED = `
  p.id, p.tenant, p.published_roles, p.not_before, p.access_version, p.causation_id, p.traceparent`;

export interface FencedRow {
  readonly id: string;
  readonly tenant: string;
  readonly published_roles: string[];
  readonly not_before: Date | null;
  readonly access_version: string;
  readonly causation_id: string;
  readonly traceparent: string | null;
}

export const fenceEvent = (row: FencedRow): NewEvent =>
  accessEvent({
    id: row.id,
    tenant: row.tenant,
    status: 'active',
    roles: row.published_roles,
    notBefore: row.not_before,
    sequence: Number(row.access_version),
    causationId: row.causation_id,
    traceparent: row.traceparent,
  });

/**
 * Behind an open door a sign-out is due from now on, and who has access is fenced at once: by our clock, because nobody
 * has asked Cognito for its own yet; `fenceSignedOut` does that. The fence never moves back. Behind a closed door nothing
 * is written: the fence is the status there, and what the closing owes is owed already. Cognito is taken for what an
 * opening leaves behind where nothing is under way: signing somebody out is no reason to enable whom an administrator
 * of the pool has disabled by hand.
 */
export const askSignOut = `
  update person p
     set sign_out_due = true, revision = p.revision + 1, due_at = clock_timestamp(), attempts = 0, last_error = null, last_error_class = null,
         cognito_enabled = case when p.due_at is null then coalesce(p.cognito_enabled, true) else p.cognito_enabled end,
         access_version = p.access_version + (p.published_status = 'active')::int,
         not_before = case when p.published_status = 'active' then greatest(p.not_before, clock_timestamp()) else p.not_before end,
         causation_id = $3, traceparent = $4, updated_at = clock_timestamp()
   where p.id = $1 and p.tenant = $2 and p.door = 'open'
  returning ${FENCED}, p.published_status = 'active' as fenced`;

/** Whether refresh tokens from before still live, and which version of `identity.access` tells of the rest. */
export const signOutState = `
  select sign_out_due as due, access_version::int as "accessVersion" from person where id = $1 and tenant = $2`;
