/** Defines what this service erases of people who were deleted. The ids and versions stay, so that no late event brings a person back. */
import { profileSql } from '../directory/profile.entity.js';
import type { Erasure } from '#worker';
import { PRIORITY } from './transition.js';

const BLANK = profileSql((column) => (column === 'user_name' ? `${column} = ''` : `${column} = null`));

/**
 * SQL that blanks the profiles of the people that `those` selects, and makes the reconciler apply this to Cognito. `those`
 * locks the directory's row first, as the consumer of `directory.users` does.
 */
const erase = (condition: string, account: string, more: string): string => `
  with those as (
    select a.id, a.tenant from directory_user u join account a on a.id = u.id
     where a.tenant = $1 and u.deleted and a.status = 'removed' and a.lease_owner is null and ${condition}
     order by a.id limit $2 for update of u, a skip locked
  ), person as (
    update directory_user u set ${BLANK} from those where u.id = those.id
  )${more}
  update account a
     set ${BLANK}, ${account} desired_revision = a.desired_revision + 1, attempts = 0, priority = ${PRIORITY.bulk},
         dirty_since = coalesce(a.dirty_since, clock_timestamp()), next_attempt_at = clock_timestamp()
    from those where a.id = those.id returning a.id`;

const tenants = (condition: string): string => `
  select distinct a.tenant from account a where a.status = 'removed' and ${condition}`;

const isOld = (days: number) => `a.erased_at is null and a.updated_at < clock_timestamp() - interval '${days} days'`;

/** The profile is needed until Cognito and subscribers know of the removal. */
const profile: Erasure = {
  what: 'profile',
  tenants: tenants(`a.user_name <> ''`),
  erase: erase(
    `a.user_name <> '' and a.desired_revision = a.applied_revision
       and (a.provisioned_at is null or a.announced_status = 'removed')`,
    '',
    '',
  ),
};

const account = (days: number): Erasure => ({
  what: 'account',
  tenants: tenants(isOld(days)),
  erase: erase(
    isOld(days),
    'erased_at = clock_timestamp(),',
    `, cases as (
    update offboarding_case c set details = c.details || '{"userName": "", "displayName": null}' from those where c.account_id = those.id
  ), skipped as (
    delete from skipped_event s using those where s.key = those.tenant || ':' || those.id
  )`,
  ),
});

export const erasures = (days: number): readonly Erasure[] => [profile, account(days)];
