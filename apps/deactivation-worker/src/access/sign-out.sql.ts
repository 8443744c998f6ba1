import { columnsOf } from '#platform';
import { PUBLISHED, type PublishedAccess } from './access-event.js';
import { PersonEntity } from './person.entity.js';

/** The columns that the access event needs. `p` is the person's row after the statement. */
export const FENCED = columnsOf(PersonEntity, { alias: 'p', only: ['id', 'tenant', 'publishedStatus', ...PUBLISHED] });

export type FencedRow = PublishedAccess & { readonly fenced: boolean };

/**
 * Makes a sign-out due at `at`, for a person with desired access. If their access is published as active, moves the
 * fence to the time of our clock. The fence never moves back.
 *
 * Without pending work, an unknown state becomes `enabled`, because the last work left the user enabled. A user whom an
 * administrator of the pool has disabled by hand then stays disabled.
 */
export const signOutDue = (at: string): string => `
         sign_out_due = true, revision = p.revision + 1, due_at = ${at}, attempts = 0, last_error = null, last_error_class = null,
         actual_access = case when p.due_at is null then coalesce(p.actual_access, 'enabled') else p.actual_access end,
         access_version = p.access_version + (p.published_status = 'active')::int,
         not_before = case when p.published_status = 'active' then greatest(p.not_before, clock_timestamp()) else p.not_before end,
         updated_at = clock_timestamp()`;

/**
 * Requests a sign-out. Writes nothing for a person without desired access: services already refuse their tokens, and
 * their case signs them out.
 */
export const requestSignOut = `
  update person p
     set ${signOutDue('clock_timestamp()')}, causation_id = $3, traceparent = $4
   where p.id = $1 and p.tenant = $2 and p.desired_access = 'enabled'
  returning ${FENCED}, p.published_status = 'active' as fenced`;
