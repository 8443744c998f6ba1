import type { Queryable } from '#platform';
import type { PersonStatus, Profile } from '../model.js';

export interface OidcPerson {
  /** Id of the person in Okta (`00u...`): the `sub` of ID tokens and the `externalId` of SCIM. */
  readonly id: string;
  readonly login: string;
  readonly profile: Profile;
  readonly status: PersonStatus;
  readonly assigned: boolean;
  readonly updatedAt: Date;
  readonly groups: readonly string[];
}

const PERSON = `select p.id, p.login, p.profile, p.status, coalesce(a.assigned, false) as assigned, p.updated_at as "updatedAt",
    array(select g.name from okta_group_member m join okta_group g on g.id = m.group_id where m.person_id = p.id order by g.name) as groups
  from okta_person p left join okta_assignment a on a.person_id = p.id`;

/** Finds a person by id or by login, as Okta does. */
export async function findPerson(db: Queryable, slug: string, who: string): Promise<OidcPerson | undefined> {
  const [row] = await db.query<OidcPerson>(
    `${PERSON} where p.slug = $1 and (p.id = $2 or lower(p.login) = lower($2))`,
    [slug, who],
  );
  return row;
}

/** Lists people who can sign in to the app, for the sign-in page. */
export const assignedPeople = (
  db: Queryable,
  slug: string,
  limit: number,
): Promise<{ login: string; profile: Profile }[]> =>
  db.query(
    `select p.login, p.profile from okta_person p join okta_assignment a on a.person_id = p.id
      where p.slug = $1 and p.status = 'ACTIVE' and a.assigned order by lower(p.login) limit $2`,
    [slug, limit],
  );
