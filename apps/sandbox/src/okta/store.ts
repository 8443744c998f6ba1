/** What the sandbox Okta remembers, in Postgres. */
import { sqlState, type Database } from '#platform';
import { ControlError } from '../listener.js';
import {
  oktaId,
  type Group,
  type Member,
  type OktaApp,
  type Person,
  type PersonStatus,
  type Profile,
} from './model.js';

interface AppRow {
  slug: string;
  app_id: string;
  scim_base_url: string;
  token: string;
  mode: OktaApp['mode'];
  auth_style: OktaApp['authStyle'];
  import_groups: boolean;
}
interface PersonRow {
  id: string;
  login: string;
  profile: Profile;
  status: PersonStatus;
  assigned: boolean | null;
  remote_id: string | null;
}
interface GroupRow {
  id: string;
  name: string;
  push_status: 'ACTIVE' | 'ERROR' | null;
  remote_id: string | null;
}
export interface Task {
  readonly id: string;
  readonly verb: string;
  readonly subject: string;
  readonly detail: string | null;
  readonly created_at: Date;
}

const PERSON = `select p.id, p.login, p.profile, p.status, a.assigned, a.remote_id from okta_person p left join okta_assignment a on a.person_id = p.id`;
const GROUP = `select g.id, g.name, u.status as push_status, u.remote_id from okta_group g left join okta_push u on u.group_id = g.id`;

const toPerson = (r: PersonRow): Person => ({
  id: r.id,
  login: r.login,
  profile: r.profile,
  status: r.status,
  assigned: r.assigned ?? false,
  remoteId: r.remote_id,
});
const toGroup = (r: GroupRow): Group => ({
  id: r.id,
  name: r.name,
  push: r.push_status === null ? null : { remoteId: r.remote_id, status: r.push_status },
});
const toApp = (r: AppRow): OktaApp => ({
  slug: r.slug,
  appId: r.app_id,
  scimBaseUrl: r.scim_base_url,
  token: r.token,
  mode: r.mode,
  authStyle: r.auth_style,
  importGroups: r.import_groups,
});

const UNIQUE_VIOLATION = '23505';

/** Says in words that a name is in use. */
const taken =
  (what: string) =>
  (error: unknown): never => {
    if (sqlState(error) === UNIQUE_VIOLATION) throw new ControlError(409, `${what} is taken`);
    throw error;
  };

export class OktaStore {
  constructor(private readonly database: Database) {}

  // ---- apps

  /** An app that is there keeps its id. */
  async saveApp(app: Omit<OktaApp, 'appId'>): Promise<OktaApp> {
    const [row] = await this.database.query<AppRow>(
      `insert into okta_app (slug, app_id, scim_base_url, token, mode, auth_style, import_groups) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (slug) do update set scim_base_url = excluded.scim_base_url, token = excluded.token, mode = excluded.mode,
         auth_style = excluded.auth_style, import_groups = excluded.import_groups returning *`,
      [app.slug, oktaId('0oa'), app.scimBaseUrl, app.token, app.mode, app.authStyle, app.importGroups],
    );
    return toApp(row as AppRow);
  }

  async apps(): Promise<OktaApp[]> {
    return (await this.database.query<AppRow>('select * from okta_app order by slug')).map(toApp);
  }

  async app(slug: string): Promise<OktaApp> {
    const [row] = await this.database.query<AppRow>('select * from okta_app where slug = $1', [slug]);
    if (!row) throw new ControlError(404, `the sandbox Okta has no app for tenant "${slug}"; connect one first`);
    return toApp(row);
  }

  // ---- people

  async people(slug: string): Promise<Person[]> {
    return (await this.database.query<PersonRow>(`${PERSON} where p.slug = $1 order by p.login`, [slug])).map(toPerson);
  }

  async person(slug: string, login: string): Promise<Person> {
    const person = await this.findPerson(slug, login);
    if (!person)
      throw new ControlError(
        404,
        `there is no person "${login}" in the sandbox Okta of tenant "${slug}"; "assign" creates one`,
      );
    return person;
  }

  async findPerson(slug: string, login: string): Promise<Person | undefined> {
    const [row] = await this.database.query<PersonRow>(`${PERSON} where p.slug = $1 and lower(p.login) = lower($2)`, [
      slug,
      login,
    ]);
    return row && toPerson(row);
  }

  /** Creates the person if there is none of that login; then merges the profile. */
  async ensurePerson(slug: string, login: string, profile: Profile): Promise<Person> {
    await this.database.query(
      `insert into okta_person (id, slug, login, profile, status) values ($1, $2, $3, $4, 'ACTIVE')
       on conflict (slug, lower(login)) do update set profile = okta_person.profile || excluded.profile, updated_at = clock_timestamp()`,
      [oktaId('00u'), slug, login, JSON.stringify(profile)],
    );
    return this.person(slug, login);
  }

  async changePerson(
    person: Person,
    change: { login?: string | undefined; profile?: Profile | undefined; status?: PersonStatus },
  ): Promise<void> {
    const values = [person.id, change.login ?? null, JSON.stringify(change.profile ?? {}), change.status ?? null];
    await this.database
      .query(
        `update okta_person set login = coalesce($2, login), profile = profile || $3, status = coalesce($4, status),
           status_changed_at = case when status = coalesce($4, status) then status_changed_at else clock_timestamp() end,
           updated_at = clock_timestamp() where id = $1`,
        values,
      )
      .catch(taken(`the login "${change.login}"`));
  }

  /** With assignment and memberships: Okta keeps nothing of a deleted person. */
  async deletePerson(person: Person): Promise<void> {
    await this.database.query('delete from okta_person where id = $1', [person.id]);
  }

  async saveAssignment(personId: string, change: { assigned: boolean; remoteId?: string }): Promise<void> {
    await this.database.query(
      `insert into okta_assignment (person_id, remote_id, assigned) values ($1, $2, $3)
       on conflict (person_id) do update set remote_id = coalesce(excluded.remote_id, okta_assignment.remote_id), assigned = excluded.assigned,
         changed_at = clock_timestamp()`,
      [personId, change.remoteId ?? null, change.assigned],
    );
  }

  // ---- groups

  async groups(slug: string): Promise<(Group & { members: string[] })[]> {
    const rows = await this.database.query<GroupRow & { members: string[] }>(
      `select x.*, array(select p.login from okta_group_member m join okta_person p on p.id = m.person_id where m.group_id = x.id order by m.position) as members
         from (${GROUP} where g.slug = $1) x order by name`,
      [slug],
    );
    return rows.map((r) => ({ ...toGroup(r), members: r.members }));
  }

  async group(slug: string, name: string): Promise<Group> {
    const [row] = await this.database.query<GroupRow>(`${GROUP} where g.slug = $1 and lower(g.name) = lower($2)`, [
      slug,
      name,
    ]);
    if (!row)
      throw new ControlError(
        404,
        `there is no group "${name}" in the sandbox Okta of tenant "${slug}"; "push-group" creates one`,
      );
    return toGroup(row);
  }

  async ensureGroup(slug: string, name: string): Promise<Group> {
    await this.database.query(
      `insert into okta_group (id, slug, name) values ($1, $2, $3) on conflict (slug, lower(name)) do nothing`,
      [oktaId('00g'), slug, name],
    );
    return this.group(slug, name);
  }

  async renameGroup(group: Group, name: string): Promise<void> {
    await this.database
      .query('update okta_group set name = $2 where id = $1', [group.id, name])
      .catch(taken(`the group name "${name}"`));
  }

  /** Returns the people who were not members before. */
  async addMembers(group: Group, people: readonly Person[]): Promise<Set<string>> {
    const rows = await this.database.query<{ person_id: string }>(
      `insert into okta_group_member (group_id, person_id) select $1, unnest($2::text[]) on conflict do nothing returning person_id`,
      [group.id, people.map((p) => p.id)],
    );
    return new Set(rows.map((r) => r.person_id));
  }

  async removeMembers(group: Group, people: readonly Person[]): Promise<Set<string>> {
    const rows = await this.database.query<{ person_id: string }>(
      `delete from okta_group_member where group_id = $1 and person_id = any($2) returning person_id`,
      [group.id, people.map((p) => p.id)],
    );
    return new Set(rows.map((r) => r.person_id));
  }

  /** Members that a push sends: assigned to the app, provisioned, active. */
  async pushedMembers(group: Group): Promise<Member[]> {
    return this.database.query<{ login: string; remoteId: string } & Member>(
      `select p.login, a.remote_id as "remoteId" from okta_group_member m
         join okta_person p on p.id = m.person_id join okta_assignment a on a.person_id = p.id
        where m.group_id = $1 and p.status = 'ACTIVE' and a.assigned and a.remote_id is not null
        order by m.position`,
      [group.id],
    );
  }

  async savePush(group: Group, remoteId: string | null, status: 'ACTIVE' | 'ERROR'): Promise<void> {
    await this.database.query(
      `insert into okta_push (group_id, remote_id, status) values ($1, $2, $3)
       on conflict (group_id) do update set remote_id = coalesce(excluded.remote_id, okta_push.remote_id), status = excluded.status`,
      [group.id, remoteId, status],
    );
  }

  async unlink(group: Group): Promise<void> {
    await this.database.query('delete from okta_push where group_id = $1', [group.id]);
  }

  // ---- tasks, imports

  async addTask(slug: string, verb: string, subject: string, detail: string | null): Promise<Task> {
    const [row] = await this.database.query<Task>(
      `insert into okta_task (slug, verb, subject, detail) values ($1, $2, $3, $4) returning id, verb, subject, detail, created_at`,
      [slug, verb, subject, detail],
    );
    return row as Task;
  }

  async tasks(slug: string): Promise<Task[]> {
    return this.database.query<Task>(
      'select id, verb, subject, detail, created_at from okta_task where slug = $1 order by id',
      [slug],
    );
  }

  async clearTasks(slug: string): Promise<void> {
    await this.database.query('delete from okta_task where slug = $1', [slug]);
  }

  async saveImport(
    slug: string,
    kind: 'user' | 'group',
    found: readonly { id: string; name: string }[],
  ): Promise<void> {
    await this.database.query(
      `insert into okta_imported (slug, kind, remote_id, name) select $1, $2, * from unnest($3::text[], $4::text[])
       on conflict (slug, kind, remote_id) do update set name = excluded.name`,
      [slug, kind, found.map((f) => f.id), found.map((f) => f.name)],
    );
  }
}
