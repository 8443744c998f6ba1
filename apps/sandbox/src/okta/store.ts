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

export interface Task {
  readonly id: string;
  readonly verb: string;
  readonly subject: string;
  readonly detail: string | null;
  readonly created_at: Date;
}

const APP = `slug, app_id as "appId", scim_base_url as "scimBaseUrl", token, mode, auth_style as "authStyle", import_groups as "importGroups", deactivate_users as "deactivateUsers"`;
const PERSON = `select p.id, p.login, p.profile, p.status, coalesce(a.assigned, false) as assigned, a.remote_id as "remoteId"
  from okta_person p left join okta_assignment a on a.person_id = p.id`;
const GROUP = `select g.id, g.name,
    case when u.status is not null then json_build_object('remoteId', u.remote_id, 'status', u.status) end as push
  from okta_group g left join okta_push u on u.group_id = g.id`;

const UNIQUE_VIOLATION = '23505';

/** Turns a violation of a unique index into a readable error. */
const taken =
  (what: string) =>
  (error: unknown): never => {
    if (sqlState(error) === UNIQUE_VIOLATION) throw new ControlError(409, `${what} is taken`);
    throw error;
  };

function found<T>(row: T | undefined, missing: string): T {
  if (row === undefined) throw new ControlError(404, missing);
  return row;
}

export class OktaStore {
  constructor(private readonly database: Database) {}

  /** Creates or changes an app. An existing app keeps its id. */
  async saveApp(app: Omit<OktaApp, 'appId'>): Promise<OktaApp> {
    const [row] = await this.database.query<OktaApp>(
      `insert into okta_app (slug, app_id, scim_base_url, token, mode, auth_style, import_groups, deactivate_users) values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (slug) do update set scim_base_url = excluded.scim_base_url, token = excluded.token, mode = excluded.mode,
         auth_style = excluded.auth_style, import_groups = excluded.import_groups,
         deactivate_users = excluded.deactivate_users returning ${APP}`,
      [
        app.slug,
        oktaId('0oa'),
        app.scimBaseUrl,
        app.token,
        app.mode,
        app.authStyle,
        app.importGroups,
        app.deactivateUsers,
      ],
    );
    return row as OktaApp;
  }

  apps(): Promise<OktaApp[]> {
    return this.database.query<OktaApp>(`select ${APP} from okta_app order by slug`);
  }

  async app(slug: string): Promise<OktaApp> {
    const [app] = await this.database.query<OktaApp>(`select ${APP} from okta_app where slug = $1`, [slug]);
    return found(app, `the sandbox Okta has no app for tenant "${slug}"; connect one first`);
  }

  people(slug: string): Promise<Person[]> {
    return this.database.query<Person>(`${PERSON} where p.slug = $1 order by p.login`, [slug]);
  }

  async person(slug: string, login: string): Promise<Person> {
    const person = await this.findPerson(slug, login);
    return found(person, `there is no person "${login}" in the sandbox Okta of tenant "${slug}"; "assign" creates one`);
  }

  async findPerson(slug: string, login: string): Promise<Person | undefined> {
    const text = `${PERSON} where p.slug = $1 and lower(p.login) = lower($2)`;
    return (await this.database.query<Person>(text, [slug, login]))[0];
  }

  /** Creates the person. If the person exists, merges `profile` into their profile. */
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

  /** Deletes a person with assignment and memberships, because Okta keeps nothing about a deleted person. */
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

  groups(slug: string): Promise<(Group & { members: string[] })[]> {
    return this.database.query<Group & { members: string[] }>(
      `select x.*, array(select p.login from okta_group_member m join okta_person p on p.id = m.person_id where m.group_id = x.id order by m.position) as members
         from (${GROUP} where g.slug = $1) x order by name`,
      [slug],
    );
  }

  async group(slug: string, name: string): Promise<Group> {
    const text = `${GROUP} where g.slug = $1 and lower(g.name) = lower($2)`;
    const [group] = await this.database.query<Group>(text, [slug, name]);
    return found(
      group,
      `there is no group "${name}" in the sandbox Okta of tenant "${slug}"; "push-group" creates one`,
    );
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

  /** Adds members. Returns the ids of people who were not members before. */
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

  /** Lists the members that a push sends: assigned, provisioned and active people. */
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
}
