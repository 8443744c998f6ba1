/** Defines what this service erases of people who were deleted. The ids and versions stay, so that no late event brings a person back. */
import type { Erasure } from '#worker';

const settled = `p.deleted and p.due_at is null
       and not exists (select 1 from offboarding_case c where c.account_id = p.id and c.state in ('new', 'held', 'running'))`;

const erase = (condition: string, columns: string, more = ''): string => `
  with those as (
    select p.id, p.tenant from person p
     where p.tenant = $1 and ${settled} and ${condition} order by p.id limit $2 for update skip locked
  )${more}
  update person p set ${columns} from those where p.id = those.id returning p.id`;

/** Evidence needs the user name only, and only for a while. */
const hasProfile = `(p.external_id is not null or p.display_name is not null)`;
const profile: Erasure = {
  what: 'profile',
  tenants: `select distinct p.tenant from person p where ${settled} and ${hasProfile}`,
  erase: erase(hasProfile, 'external_id = null, display_name = null'),
};

const isOld = (days: number) => `p.user_name <> '' and p.updated_at < clock_timestamp() - interval '${days} days'`;
const evidence = (days: number): Erasure => ({
  what: 'evidence',
  tenants: `select distinct p.tenant from person p where ${settled} and ${isOld(days)}`,
  erase: erase(
    isOld(days),
    `user_name = ''`,
    `, skipped as (delete from skipped_event s using those where s.key = those.tenant || ':' || those.id)`,
  ),
});

export const erasures = (days: number): readonly Erasure[] => [profile, evidence(days)];
