/**
 * Queries of the Management API, each for the org of one token. Pages are sorted by id. Ids never change, so a cursor
 * (the last id of a page) neither skips nor repeats anybody.
 */
import type { Queryable } from '#platform';
import type { PersonStatus, Profile } from '../model.js';

export interface UserRow {
  readonly id: string;
  readonly login: string;
  readonly profile: Profile;
  readonly status: PersonStatus;
  readonly created_at: Date;
  readonly status_changed_at: Date;
  readonly updated_at: Date;
}
export interface AppUserRow extends UserRow {
  readonly remote_id: string | null;
  readonly changed_at: Date;
}
export interface GroupRow {
  readonly id: string;
  readonly name: string;
  readonly created_at: Date;
}
export interface PageOf {
  readonly after: string;
  readonly limit: number;
}

const USER = 'p.id, p.login, p.profile, p.status, p.created_at, p.status_changed_at, p.updated_at';

/** Finds a user by id or by login, as Okta does. */
export async function findUser(db: Queryable, slug: string, who: string): Promise<UserRow | undefined> {
  const [row] = await db.query<UserRow>(
    `select ${USER} from okta_person p where p.slug = $1 and (p.id = $2 or lower(p.login) = lower($2))`,
    [slug, who],
  );
  return row;
}

/** Lists users. Without `statuses`, the list omits deprovisioned users, as in Okta. */
export const listUsers = (
  db: Queryable,
  slug: string,
  statuses: readonly string[] | null,
  { after, limit }: PageOf,
): Promise<UserRow[]> =>
  db.query<UserRow>(
    `select ${USER} from okta_person p
      where p.slug = $1 and p.id > $2 and case when $3::text[] is null then p.status <> 'DEPROVISIONED' else p.status = any($3) end
      order by p.id limit $4`,
    [slug, after, statuses, limit],
  );

export const listAppUsers = (db: Queryable, slug: string, { after, limit }: PageOf): Promise<AppUserRow[]> =>
  db.query<AppUserRow>(
    `select ${USER}, a.remote_id, a.changed_at from okta_person p join okta_assignment a on a.person_id = p.id
      where p.slug = $1 and p.id > $2 and a.assigned order by p.id limit $3`,
    [slug, after, limit],
  );

export async function findAppUser(db: Queryable, slug: string, id: string): Promise<AppUserRow | undefined> {
  const [row] = await db.query<AppUserRow>(
    `select ${USER}, a.remote_id, a.changed_at from okta_person p join okta_assignment a on a.person_id = p.id
      where p.slug = $1 and p.id = $2 and a.assigned`,
    [slug, id],
  );
  return row;
}

export const listGroups = (db: Queryable, slug: string, { after, limit }: PageOf): Promise<GroupRow[]> =>
  db.query<GroupRow>('select id, name, created_at from okta_group where slug = $1 and id > $2 order by id limit $3', [
    slug,
    after,
    limit,
  ]);

export async function findGroup(db: Queryable, slug: string, id: string): Promise<GroupRow | undefined> {
  const [row] = await db.query<GroupRow>('select id, name, created_at from okta_group where slug = $1 and id = $2', [
    slug,
    id,
  ]);
  return row;
}

export const listGroupUsers = (db: Queryable, groupId: string, { after, limit }: PageOf): Promise<UserRow[]> =>
  db.query<UserRow>(
    `select ${USER} from okta_person p join okta_group_member m on m.person_id = p.id
      where m.group_id = $1 and p.id > $2 order by p.id limit $3`,
    [groupId, after, limit],
  );
