/** Statements of sign-outs of people who keep their access. */
import { columnsOf } from '#platform';
import { PUBLISHED, type PublishedAccess } from './access-event.js';
import { PersonEntity } from './person.entity.js';

/** `p` = the person after the statement. */
export const FENCED = columnsOf(PersonEntity, { alias: 'p', only: ['id', 'tenant', 'publishedStatus', ...PUBLISHED] });

export type FencedRow = PublishedAccess & { readonly fenced: boolean };

/**
 * A person with desired access: a sign-out is due from now on. If they have access, they are fenced at once, by our
 * clock; `fenceSignedOut` later moves the fence to Cognito's. The fence never moves back.
 *
 * A person without desired access: nothing is written, because the published status already refuses their tokens and
 * the sign-out of the case is due already.
 *
 * Where nothing is due and the state is unknown, Cognito is assumed to be enabled, as an earlier run left it: a sign-out
 * must not enable a user whom an administrator of the pool disabled by hand.
 */
export const requestSignOut = `
  update person p
     set sign_out_due = true, revision = p.revision + 1, due_at = clock_timestamp(), attempts = 0, last_error = null, last_error_class = null,
         actual_access = case when p.due_at is null then coalesce(p.actual_access, 'enabled') else p.actual_access end,
         access_version = p.access_version + (p.published_status = 'active')::int,
         not_before = case when p.published_status = 'active' then greatest(p.not_before, clock_timestamp()) else p.not_before end,
         causation_id = $3, traceparent = $4, updated_at = clock_timestamp()
   where p.id = $1 and p.tenant = $2 and p.desired_access = 'enabled'
  returning ${FENCED}, p.published_status = 'active' as fenced`;
