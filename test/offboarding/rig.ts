/** The environment of one spec file: a database, the sandbox's Cognito, a publishing directory, and workers in process. */
import { randomUUID } from 'node:crypto';
import type { OktaState } from '#contracts';
import { Database } from '#platform';
import { Admission } from '../../apps/deactivation-worker/src/cases/admission.js';
import { OktaSignals } from '../../apps/deactivation-worker/src/access/okta-signals.js';
import { service } from '../../apps/deactivation-worker/src/service.js';
import { Cognito } from '../support/identity-cognito.js';
import { Directory, type Person, type Tenant } from '../support/identity-directory.js';
import { eventually } from '../support/waiting.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess, type InProcess } from '../support/in-process.js';
import { Accounts } from '../support/offboarding-accounts.js';
import { ownQuotas } from '../support/quotas.js';
import { INTERNAL_API_CALLERS, TOKEN } from '../support/internal-api.js';

export { eventually };

const BY_OKTA = { causationId: 'universal-logout:1' };
/** Generous: tests wait for conditions, never for durations. */
const PATIENCE_MS = 60_000;

export type Worker = InProcess;

export interface AccessRecord {
  readonly status: string;
  readonly roles: string[];
  readonly notBefore: string | null;
}

export interface StoredCase {
  readonly id: string;
  readonly state: string;
  readonly cause: string;
  readonly held_because: string | null;
  readonly released_by: string | null;
  readonly pushed_at: Date;
  readonly received_at: Date;
  readonly held_at: Date | null;
  readonly held_until: Date | null;
  readonly held_signed_out_at: Date | null;
  readonly held_sessions_ended_at: Date | null;
  readonly fenced_at: Date | null;
  readonly disabled_at: Date | null;
  readonly signed_out_at: Date | null;
  readonly sessions_ended_at: Date | null;
  readonly confirmed_at: Date | null;
}

export class Rig {
  private readonly workers: Worker[] = [];
  /** Id of a process that does not renew its lease. */
  readonly deadWorker = randomUUID();

  private constructor(
    readonly test: TestDatabase,
    /** Superuser: sees every schema. */
    readonly admin: Database,
    readonly cognito: Cognito,
    readonly directory: Directory,
    readonly accounts: Accounts,
  ) {}

  static async start(): Promise<Rig> {
    const test = await createTestDatabase();
    const admin = await Database.connect({ url: test.adminUrl, schema: 'offboarding' });
    const cognito = await Cognito.start(test);
    const accounts = await Accounts.open(test, admin, cognito.poolId);
    return new Rig(test, admin, cognito, await Directory.open(test), accounts);
  }

  async startWorker(change: Record<string, string> = {}): Promise<Worker> {
    const environment = {
      DATABASE_URL: this.test.url('deactivation-worker'),
      INTERNAL_API_CALLERS,
      AWS_REGION: 'us-east-1',
      COGNITO_USER_POOL_ID: this.cognito.poolId,
      COGNITO_ENDPOINT: this.cognito.url,
      COGNITO_QUOTA_SHARE: '1',
      COGNITO_QUOTAS: JSON.stringify(ownQuotas(10_000)),
      WORKER_LEASE_SECONDS: '2',
      ...change,
    };
    const started = await startInProcess(service, environment, 12);
    const worker: Worker = {
      ...started,
      stop: async () => {
        this.workers.splice(this.workers.indexOf(worker), 1);
        await started.stop();
      },
    };
    this.workers.push(worker);
    return worker;
  }

  get worker(): Worker {
    const [first] = this.workers;
    if (!first) throw new Error('no worker runs');
    return first;
  }

  async stopWorkers(): Promise<void> {
    for (const worker of [...this.workers]) await worker.stop();
  }

  async close(): Promise<void> {
    await this.stopWorkers();
    await this.accounts.close();
    await this.directory.close();
    await this.cognito.stop();
    await this.admin.close();
    await this.test.drop();
  }

  /** A tenant whose settings the worker has. It has no brake unless the test sets one. */
  async addTenant(change: Parameters<Directory['addTenant']>[0] = {}): Promise<Tenant> {
    const tenant = await this.directory.addTenant({ brake: null, ...change });
    await this.handled();
    return tenant;
  }

  /** People with access: known to the directory, in the pool, with roles. */
  async addPeople(tenant: Tenant, count: number, roles: readonly string[] = ['viewer']): Promise<Person[]> {
    const people = await this.directory.addPeople(tenant, count);
    await this.handled();
    await this.accounts.provision(people, roles);
    await this.quiet();
    return people;
  }

  async addPerson(tenant: Tenant, roles: readonly string[] = ['viewer']): Promise<Person> {
    const [person] = await this.addPeople(tenant, 1, roles);
    if (!person) throw new Error('nobody was added');
    return person;
  }

  release(tenant: Tenant, ids: readonly string[] | null = null, by = 'grace@example.com'): Promise<number> {
    return this.worker.app.get(Admission).release(tenant.id, ids, by);
  }

  /** Requests a sign-out as auth-service does. */
  async signOut({ id }: Tenant, person: { readonly id: string }): Promise<{ due: boolean; accessVersion: number }> {
    const { status, body } = await this.internal('POST', `${id}/accounts/${person.id}/sign-out`, BY_OKTA);
    if (status !== 202) throw new Error(JSON.stringify(body));
    return body as { due: boolean; accessVersion: number };
  }

  /** `route` below `/internal/tenants/`. */
  async internal(
    method: string,
    route: string,
    body?: object,
    token = TOKEN,
  ): Promise<{ status: number; body: unknown }> {
    const answer = await fetch(`${await this.worker.app.getUrl()}/internal/tenants/${route}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: await answer.json() };
  }

  signal(tenant: Tenant, person: Person, state: OktaState | null, at = new Date()): Promise<number> {
    const signals = this.worker.app.get(OktaSignals);
    const type = state === null ? 'okta.unsuspended' : `okta.${state}`;
    const cause = { type, causationId: `hook-${at.getTime()}`, pushedAt: at };
    return this.worker.database.tx((tx) => signals.signal(tx, tenant.id, { accountId: person.id }, state, cause));
  }

  /** As if every process had died that is working on somebody. */
  async voidLeases(): Promise<void> {
    await this.admin.query(
      'update person set lease_owner = $1 where id in (select id from person where lease_owner is not null for update skip locked)',
      [this.deadWorker],
    );
  }

  async cases(person: Person): Promise<StoredCase[]> {
    return this.admin.query<StoredCase>('select * from offboarding_case where account_id = $1 order by id', [
      person.id,
    ]);
  }

  /** Waits for a state of the last case. */
  eventuallyState(person: Person, state: string): Promise<void> {
    return eventually(async () => expect((await this.cases(person)).at(-1)?.state).toBe(state), PATIENCE_MS);
  }

  /** All events of `identity.access` about a person. */
  async access(person: Person): Promise<AccessRecord[]> {
    return (await this.published('identity.access', person)).map((row) => row.data as AccessRecord);
  }

  async caseEvents(person: Person): Promise<string[]> {
    return (await this.published('offboarding.cases', person)).map((row) => row.type.split('.')[4] ?? '');
  }

  private published(topic: string, { tenant, id }: Person): Promise<{ type: string; data: unknown }[]> {
    const sql = 'select type, data from bus.event_log where topic = $1 and key = $2 order by position';
    return this.admin.query(sql, [topic, `${tenant}:${id}`]);
  }

  /** Resolves when the worker has handled every published event. */
  handled(): Promise<void> {
    return this.wait(HANDLED);
  }

  /** As {@link handled}, and the worker has nothing left to do except held cases and distant retries. */
  async quiet(patienceMs = PATIENCE_MS): Promise<void> {
    await this.wait(HANDLED, patienceMs);
    await this.wait(QUIET, patienceMs);
  }

  /**
   * As {@link quiet}, without waiting for late calls of a dead process: for tests without such calls. Everything else
   * that the worker does after that time still happens.
   */
  async quietOnceLanded(): Promise<void> {
    await this.wait(HANDLED);
    await this.wait(QUIET, PATIENCE_MS, () => this.admin.query(LANDED));
  }

  private wait(sql: string, patienceMs = PATIENCE_MS, before: () => Promise<unknown> = NOTHING): Promise<void> {
    return eventually(async () => {
      await before();
      const [row] = await this.admin.query<{ waiting: string | null }>(sql);
      if (row?.waiting !== null) throw new Error(`not quiet: ${row?.waiting}`);
    }, patienceMs);
  }

  /** Directory, Okta, `identity.access` and Cognito agree about everybody. True at rest, whatever happened before. */
  async expectAgreement(people: readonly Person[]): Promise<void> {
    const users = await this.cognito.users();
    const rows = await this.admin.query<{ id: string; okta_state: string | null; held: boolean; data: AccessRecord }>(
      AGREEMENT,
      [people.map((person) => person.id)],
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    const wrong = people.flatMap((person) => {
      const row = byId.get(person.id);
      const isIn = person.active && !person.deleted && row?.okta_state === null;
      const wanted = isIn || row?.held ? 'active' : person.deleted ? 'removed' : 'inactive';
      const enabled = users.get(person.id)?.enabled;
      const says = `${person.userName} ${isIn ? 'in' : 'out'}`;
      return [
        ...(row?.data.status === wanted ? [] : [`${says}: access says ${row?.data.status}`]),
        ...(enabled === undefined || enabled === (wanted === 'active') ? [] : [`${says}: enabled is ${enabled}`]),
      ];
    });
    expect(wrong).toEqual([]);
    expect(await this.admin.query(GAPS)).toEqual([]);
  }
}

const HANDLED = `
  select case
    when exists (select 1 from directory.outbox) then 'outbox of directory'
    when exists (select 1 from hub.outbox) then 'outbox of hub'
    when exists (select 1 from identity.outbox) then 'outbox of identity'
    when exists (select 1 from bus.event_log l where l.topic in ('directory.access', 'identity.accounts', 'integration.settings')
      and l.position > coalesce((select o.position from offboarding.consumer_offset o where o.topic = l.topic and o.partition = l.partition), 0)) or exists (select 1 from offboarding.deferred_event) then 'the consumer is behind'
    when exists (select 1 from offboarding.parked_event) then (select 'parked: ' || coalesce(error, '') from offboarding.parked_event limit 1)
  end as waiting`;

const QUIET = `
  select case
    when exists (select 1 from offboarding.offboarding_case where state = 'new') then 'a case is new'
    when exists (select 1 from offboarding.person where due_at < clock_timestamp() + interval '1 minute')
      then (select 'due: ' || id || ' ' || desired_access || ' ' || coalesce(last_error, '') from offboarding.person where due_at < clock_timestamp() + interval '1 minute' limit 1)
    when exists (select 1 from offboarding.outbox) then 'outbox of offboarding'
  end as waiting`;

const NOTHING = (): Promise<void> => Promise.resolve();

/** Ends the wait for late calls, for people on whom no process works. */
const LANDED = `
  update offboarding.person
     set late_calls_until = clock_timestamp(), due_at = case when due_at >= late_calls_until then clock_timestamp() else due_at end
   where late_calls_until > clock_timestamp() and lease_owner is null`;

/** The last event of `identity.access`, as a subscriber that gates by sequence has it. */
const AGREEMENT = `
  select p.id, p.okta_state, exists (select 1 from offboarding.offboarding_case c where c.account_id = p.id and c.state = 'held') as held,
         (select l.data from bus.event_log l where l.topic = 'identity.access' and l.key = p.tenant || ':' || p.id order by l.sequence desc limit 1) as data
    from offboarding.person p where p.id = any($1::uuid[])`;

/** Keys whose sequences are not 1, 2, 3 ... in the order of the log. */
const GAPS = `
  select topic, key, sequences from (
    select topic, key, array_agg(sequence order by position) as sequences from bus.event_log where topic in ('identity.access', 'offboarding.cases') group by 1, 2
  ) s where sequences <> array(select generate_series(1, cardinality(sequences)))::bigint[]`;
