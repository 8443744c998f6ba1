/**
 * The environment of one spec file: a database, the sandbox's Okta, Secrets Manager and Cognito on real sockets, a
 * directory that publishes, and deactivation-worker in process. Each tenant has an Okta org of its own.
 */
import { randomUUID } from 'node:crypto';
import type { OktaComparison } from '#contracts';
import { Database } from '#platform';
import { SecretStore, writeOktaSecret } from '#secrets';
import { TenantSettingsCache } from '#settings';
import { service } from '../../apps/deactivation-worker/src/service.js';
import type { TenantSettings } from '#events';
import { oktaId } from '../../apps/sandbox/src/okta/model.js';
import { Directory, type Person, type Tenant } from '../support/identity-directory.js';
import { Accounts } from '../support/offboarding-accounts.js';
import { control, startSandbox, type RunningSandbox } from '../support/sandbox.js';
import { ScimRecorder } from '../support/scim-recorder.js';
import { startInProcess, type InProcess } from '../support/in-process.js';
import { until } from '../support/waiting.js';
import { INTERNAL_API_CALLERS, TOKEN } from '../support/internal-api.js';

const PATIENCE_MS = 60_000;

export interface Org {
  /** Its slug is the name of the app in the sandbox Okta. */
  readonly tenant: Tenant;
  readonly slug: string;
  readonly appId: string;
  readonly apiToken: string;
  readonly hookSecret: string;
}

export interface OrgPerson extends Person {
  readonly login: string;
  readonly oktaId: string;
}

export interface State {
  readonly desired_access: 'enabled' | 'disabled';
  readonly okta_state: string | null;
  readonly cases: { cause: string; causation_id: string; state: string }[];
}

export type Worker = InProcess;

export class Rig {
  private readonly workers = new Set<Worker>();

  private constructor(
    readonly sandbox: RunningSandbox,
    readonly scim: ScimRecorder,
    readonly admin: Database,
    readonly directory: Directory,
    readonly store: SecretStore,
    readonly accounts: Accounts,
  ) {}

  static async start(): Promise<Rig> {
    const [sandbox, scim] = await Promise.all([startSandbox(), ScimRecorder.start()]);
    const { testDatabase: test } = sandbox;
    const admin = await Database.connect({ url: test.adminUrl, schema: 'offboarding' });
    const endpoint = sandbox.sandbox.endpoints.secretsManager;
    const store = new SecretStore({ region: 'us-east-1', endpoint });
    const accounts = await Accounts.open(test, admin, sandbox.poolId);
    return new Rig(sandbox, scim, admin, await Directory.open(test), store, accounts);
  }

  async close(): Promise<void> {
    for (const worker of this.workers) await worker.stop();
    this.store.close();
    await this.accounts.close();
    await this.directory.close();
    await this.admin.close();
    await this.scim.stop();
    await this.sandbox.stop();
  }

  /** Environment variables of deactivation-worker. */
  environment(change: Record<string, string> = {}): Record<string, string> {
    const { endpoints } = this.sandbox.sandbox;
    return {
      DATABASE_URL: this.sandbox.testDatabase.url('deactivation-worker'),
      INTERNAL_API_CALLERS,
      AWS_REGION: 'us-east-1',
      COGNITO_USER_POOL_ID: endpoints.pool.userPoolId,
      COGNITO_ENDPOINT: endpoints.cognito,
      SECRETS_MANAGER_ENDPOINT: endpoints.secretsManager,
      OKTA_ENDPOINT: endpoints.okta,
      OKTA_COMPARISON_HOUR: '-1',
      WORKER_LEASE_SECONDS: '2',
      LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'silent',
      PORT: '0',
      ...change,
    };
  }

  /** deactivation-worker in this process. */
  async startWorker(change: Record<string, string> = {}): Promise<Worker> {
    const started = await startInProcess(service, this.environment(change));
    const worker: Worker = {
      ...started,
      stop: async () => {
        if (this.workers.delete(worker)) await started.stop();
      },
    };
    this.workers.add(worker);
    return worker;
  }

  /** A tenant that is connected to an org of its own. It has no brake unless the test sets one. */
  async org(settings: Partial<TenantSettings> = {}): Promise<Org> {
    const tenant = await this.directory.addTenant({ brake: null, ...settings });
    const { id, slug } = tenant.settings.tenant;
    await this.okta('PUT', `apps/${slug}`, { scimBaseUrl: this.scim.baseUrl, token: 't', mode: 'oin' });
    const { appId, apiToken } = await this.okta<{ appId: string; apiToken: string }>('POST', `apps/${slug}/api-token`);
    const { hookSecret } = await writeOktaSecret(this.store, id, { apiToken, rotateHookSecret: false, graceMs: 0 });
    await this.directory.configure(tenant, { okta: { domain: 'sandbox.okta.com', appId } });
    await this.until('settings', async () => {
      const [row] = await this.admin.query(
        `select 1 from offboarding.tenant_settings where tenant_id = $1 and version = $2`,
        [id, tenant.version],
      );
      return row !== undefined;
    });
    const org = { tenant, slug, appId, apiToken, hookSecret: hookSecret ?? '' };
    for (const worker of this.workers) await this.hookAccepted(worker, org);
    return org;
  }

  /** The worker's copy of the settings may be two seconds old, so the worker reads them again. */
  private hookAccepted(worker: Worker, org: Org): Promise<void> {
    const settings = worker.app.get(TenantSettingsCache);
    const headers = { authorization: org.hookSecret, 'x-okta-verification-challenge': 'x' };
    const path = hookPath(org.slug);
    return this.until('hook', async () => {
      await settings.refresh();
      return (await call(worker, 'GET', path, undefined, headers)).status === 200;
    });
  }

  /** People who are assigned in Okta, pushed to us and known to the worker. */
  async people(org: Org, count: number, change: Partial<Person> = {}): Promise<OrgPerson[]> {
    const people = Array.from({ length: count }, () => ({ login: `p-${randomUUID()}@example.com`, id: oktaId('00u') }));
    await this.admin.query(
      `with p as (insert into sandbox.okta_person (id, slug, login, profile, status)
         select id, $1, login, '{"firstName":"P","lastName":"Q"}', 'ACTIVE' from unnest($2::text[], $3::text[]) as u(id, login) returning id)
       insert into sandbox.okta_assignment (person_id, remote_id, assigned) select id, 'scim-' || id, true from p`,
      [org.slug, people.map((p) => p.id), people.map((p) => p.login)],
    );
    const made: OrgPerson[] = [];
    for (const { login, id } of people) {
      const person = { userName: login, externalId: id, ...change };
      const added = await this.directory.addPerson(org.tenant, login.split('@')[0] ?? '', person);
      made.push(Object.assign(added, { login, oktaId: id }));
    }
    await this.until('people', async () => {
      const ids = made.map((p) => p.id);
      const sql = 'select count(*)::int as known from offboarding.person where id = any($1) and directory_version > 0';
      const [row] = await this.admin.query<{ known: number }>(sql, [ids]);
      return row?.known === made.length;
    });
    return made;
  }

  async person(org: Org): Promise<OrgPerson> {
    const [person] = await this.people(org, 1);
    return person as OrgPerson;
  }

  /** The control API of the sandbox Okta. */
  okta<T = Record<string, unknown>>(method: string, path: string, body?: object): Promise<T & { error?: string }> {
    return control<T>(this.sandbox.sandbox.endpoints.okta, method, path, body);
  }

  verb(org: Org, verb: string, person: OrgPerson): Promise<unknown> {
    return this.okta('POST', `apps/${org.slug}/${verb}`, { login: person.login });
  }

  /** The outcomes of the requests to Okta about these people, in their order. */
  async requests(...people: readonly { readonly oktaId: string }[]): Promise<string[]> {
    const { calls } = await this.okta<{ calls: { operation: string; subject: string | null; outcome: string }[] }>(
      'GET',
      'calls',
    );
    const ids = people.map(({ oktaId }) => oktaId);
    return calls.filter((c) => c.operation === 'getUser' && ids.includes(c.subject ?? '')).map((c) => c.outcome);
  }

  async state(person: Person): Promise<State> {
    const [row] = await this.admin.query<Omit<State, 'cases'>>(
      'select desired_access, okta_state from offboarding.person where id = $1',
      [person.id],
    );
    const cases = await this.admin.query<State['cases'][number]>(
      'select cause, causation_id, state from offboarding.offboarding_case where account_id = $1 order by received_at',
      [person.id],
    );
    return { ...(row as Omit<State, 'cases'>), cases };
  }

  /** The state in Cognito, and the published status. */
  async access(person: Person): Promise<{ enabled: boolean; status: string } | undefined> {
    const [row] = await this.admin.query<{ enabled: boolean; status: string }>(
      `select u.enabled, p.published_status as status from sandbox.cognito_user u join offboarding.person p on p.id = $1 where u.username = $1::text`,
      [person.id],
    );
    return row;
  }

  untilAccess(person: Person, wanted: { readonly enabled: boolean; readonly status: string }): Promise<void> {
    return this.until(`access ${wanted.status}`, async () => {
      const access = await this.access(person);
      return access?.enabled === wanted.enabled && access.status === wanted.status;
    });
  }

  /** Resolves when so many checks wait because their person is unknown here. */
  unknownPeople(org: Org, count: number): Promise<void> {
    return this.until('checks of unknown people', async () => {
      const sql = `select 1 from offboarding.okta_check where ${WAITS_FOR_A_PERSON}`;
      return (await this.admin.query(sql, [org.tenant.id])).length === count;
    });
  }

  /** Ends the ten seconds for which these checks wait. */
  async endWaitForPeople(org: Org): Promise<void> {
    await this.admin.query(
      `update offboarding.okta_check set pushed_at = pushed_at - interval '10 seconds', due_at = clock_timestamp() where ${WAITS_FOR_A_PERSON}`,
      [org.tenant.id],
    );
  }

  /** Resolves when no check of the tenant is left. */
  async checked(org: Org): Promise<void> {
    await this.until('checks', async () => {
      const rows = await this.admin.query('select 1 from offboarding.okta_check where tenant = $1', [org.tenant.id]);
      return rows.length === 0;
    });
  }

  /** Resolves when `check` is true; rejects, naming `what` is missing. */
  async until(what: string, check: () => Promise<boolean>, limitMs = PATIENCE_MS): Promise<void> {
    await until(what, check, limitMs);
  }

  untilState(person: Person, state: string | null): Promise<void> {
    return this.until(`${person.userName} ${state}`, async () => (await this.state(person)).okta_state === state);
  }

  async metric(worker: Worker, name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
    const metric = await worker.metrics.registry.getSingleMetric(name)?.get();
    return metric?.values.find((v) => Object.entries(labels).every(([k, l]) => String(v.labels[k]) === l))?.value;
  }

  /** Starts a comparison and resolves at its end. */
  async compare(worker: Worker, org: Org, body?: object): Promise<OktaComparison> {
    const started = await call<{ run: string }>(worker, 'POST', comparisonPath(org), body);
    if (started.status !== 202) throw new Error(`compare answered ${started.status}: ${JSON.stringify(started.body)}`);
    return this.compared(worker, org, (run) => run.id === started.body.run && run.state !== 'running');
  }

  async compared(worker: Worker, org: Org, good: (run: OktaComparison) => boolean): Promise<OktaComparison> {
    let found: OktaComparison | undefined;
    await this.until('the comparison', async () => {
      const { status, body } = await call<OktaComparison>(worker, 'GET', comparisonPath(org));
      found = body;
      return status === 200 && good(body);
    });
    return found as OktaComparison;
  }
}

const WAITS_FOR_A_PERSON = 'tenant = $1 and claim is null and attempts > 0 and last_error is null';

export const comparisonPath = (org: Org): string => `/internal/tenants/${org.tenant.id}/okta/comparison`;
export const hookPath = (slug: string): string => `/auth/okta/event-hook/${slug}`;

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export async function call<T>(
  worker: Worker,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` },
): Promise<Answer<T>> {
  const response = await fetch(`${worker.url}${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text === '' ? null : JSON.parse(text)) as T };
}

/** A delivery as Okta sends it. */
export const delivery = (...events: { user: string; type?: string; id?: string; published?: string }[]) => ({
  eventType: 'com.okta.event_hook',
  eventId: randomUUID(),
  data: {
    events: events.map(({ user, type = 'user.lifecycle.suspend', id = randomUUID(), published }) => ({
      uuid: id,
      published: published ?? new Date().toISOString(),
      eventType: type,
      target: [{ id: user, type: 'User', alternateId: 'x@example.com', displayName: 'X' }],
    })),
  },
});

export const deliver = (worker: Worker, org: Org, body: unknown, secret = org.hookSecret): Promise<Answer<unknown>> =>
  call(worker, 'POST', hookPath(org.slug), body, { authorization: secret });
