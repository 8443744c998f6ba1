/**
 * The rig of specs about identity-service: a database, the sandbox's Cognito, a directory that publishes, a simulated
 * deactivation-worker, and identity-service in this process.
 */
import { Database, type Metrics } from '#platform';
import { deriveRoles } from '../../apps/identity-service/src/accounts/derive-roles.js';
import { service } from '../../apps/identity-service/src/service.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { DirectoryApi } from './directory-api.js';
import { startInProcess, type InProcess } from './in-process.js';
import { readPins, withPins, type Pins } from './pins.js';
import { Cognito, type PoolView } from './identity-cognito.js';
import { Directory, type Person, type Tenant } from './identity-directory.js';
import { SimulatedWorker } from './identity-worker.js';
import { ownQuotas } from './quotas.js';
import { eventually } from './waiting.js';
import { credentialOf, INTERNAL_API_CALLERS, TOKEN } from './internal-api.js';

export class IdentityRig {
  private running: InProcess | null = null;
  private pins: Pins = new Map();

  private constructor(
    readonly test: TestDatabase,
    /** As superuser, who may read every schema. */
    readonly admin: Database,
    readonly cognito: Cognito,
    readonly directory: Directory,
    readonly directoryApi: DirectoryApi,
    readonly worker: SimulatedWorker,
  ) {}

  static async start(): Promise<IdentityRig> {
    const test = await createTestDatabase();
    const admin = await Database.connect({ url: test.adminUrl, schema: 'identity' });
    const directory = await Directory.open(test);
    return new IdentityRig(
      test,
      admin,
      await Cognito.start(test),
      directory,
      await DirectoryApi.start(directory),
      await SimulatedWorker.open(test, directory),
    );
  }

  get app(): InProcess['app'] | null {
    return this.running?.app ?? null;
  }

  get metrics(): Metrics {
    if (!this.running) throw new Error('no service runs');
    return this.running.metrics;
  }

  environment(change: Record<string, string> = {}): Record<string, string> {
    return {
      DATABASE_URL: this.test.url('identity-service'),
      INTERNAL_API_CALLERS,
      AWS_REGION: 'us-east-1',
      COGNITO_USER_POOL_ID: this.cognito.poolId,
      COGNITO_ENDPOINT: this.cognito.url,
      COGNITO_QUOTA_SHARE: '1',
      COGNITO_QUOTAS: JSON.stringify(ownQuotas(10_000)),
      RECONCILER_LEASE_SECONDS: '2',
      SCIM_GATEWAY_URL: this.directoryApi.url,
      INTERNAL_API_CREDENTIAL: credentialOf('identity-service'),
      PORT: '0',
      ...change,
    };
  }

  /** Starts identity-service in this process. */
  async startService(change: Record<string, string> = {}): Promise<void> {
    this.running = await startInProcess(service, this.environment(change), 12);
  }

  async stopService(): Promise<void> {
    const { running } = this;
    this.running = null;
    await running?.stop();
  }

  async close(): Promise<void> {
    await this.stopService();
    await this.worker.close();
    await this.directory.close();
    await this.directoryApi.stop();
    await this.cognito.stop();
    await this.admin.close();
    await this.test.drop();
  }

  async http<T>(
    method: string,
    path: string,
    token = TOKEN,
    body?: unknown,
  ): Promise<{ status: number; body: T; type: string }> {
    const url = await this.app?.getUrl();
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return {
      status: response.status,
      body: (await response.json()) as T,
      type: response.headers.get('content-type') ?? '',
    };
  }

  /**
   * Adds a tenant and waits until the running service has its settings, because topics have no order among each other.
   * Without a brake by default, because most tests take roles from a handful of people.
   */
  async addTenant(change: Parameters<Directory['addTenant']>[0] = {}): Promise<Tenant> {
    const tenant = await this.directory.addTenant({ brake: null, ...change });
    await this.quiet();
    return tenant;
  }

  /** Resolves when every published event was handled and nothing waits for Cognito. */
  async quiet(timeoutMs = 20_000): Promise<void> {
    await eventually(async () => {
      const [row] = await this.admin.query<{ waiting: string }>(QUIET);
      if (row?.waiting !== null) throw new Error(`not quiet: ${row?.waiting}`);
    }, timeoutMs);
  }

  /** The state that Cognito has to show for a person: it follows from directory, settings, access, and the status so far. */
  private expected(person: Person, known: string | undefined): { status: string; groups: string[]; role?: string } {
    const { settings } = this.tenantOf(person);
    const status = this.expectedStatus(person, known);
    const groups = person.groups.flatMap((id) => withPins(this.directory.groups.get(id), this.pins));
    const [...roles] = status === 'active' ? deriveRoles(groups, settings) : [];
    const [role] = roles;
    return { status, groups: roles.sort(), ...(role !== undefined && { role }) };
  }

  /** If the worker leaves access to a person who is inactive in the directory, the status stays as it was. */
  private expectedStatus(person: Person, known: string | undefined): string {
    const access = this.worker.status(person);
    if (access === 'inactive' || access === 'removed') return access;
    return person.active || known === 'active' ? 'active' : 'inactive';
  }

  /** Compares every person of the directory with the account, its published status and the pool, if group sync was always on. */
  async expectConverged(): Promise<void> {
    const users = await this.cognito.users();
    this.pins = await readPins(this.admin);
    const accounts = await this.admin.query<AccountFact>(
      `select id, status, announced_status as announced, provisioned_at is not null as provisioned from identity.account`,
    );
    const known = new Map(accounts.map((account) => [account.id, account]));
    const differences = [...this.directory.people.values()].flatMap((person) => [
      ...this.difference(person, users.get(person.id), known.get(person.id)?.status),
      ...this.accountDifference(person, known.get(person.id)),
    ]);
    expect(differences).toEqual([]);
  }

  private accountDifference(person: Person, account: AccountFact | undefined): string[] {
    if (!account) return [`${person.userName} has no account`];
    const { status } = this.expected(person, account.status);
    const wrong = account.status === status ? [] : [`${person.userName} is ${account.status} instead of ${status}`];
    if (account.provisioned && account.announced !== status)
      wrong.push(`${person.userName} was announced as ${account.announced} instead of ${status}`);
    return wrong;
  }

  private difference(person: Person, user: PoolView | undefined, status: string | undefined): string[] {
    const { status: expectedStatus, groups, role } = this.expected(person, status);
    if (!user) return groups.length > 0 || expectedStatus === 'active' ? [`${person.userName} is missing`] : [];
    const expected: Record<string, string | undefined> = {
      'custom:tenant_id': person.tenant,
      'custom:role': role,
    };
    // The erasure empties these attributes of a deleted person at some time.
    if (!person.deleted)
      Object.assign(expected, {
        'custom:external_id': person.externalId ?? undefined,
        email: person.email ?? undefined,
        preferred_username: person.userName,
        name: person.displayName ?? undefined,
      });
    const wrong = Object.entries(expected)
      .filter(([name, value]) => user.attributes[name] !== value)
      .map(([name, value]) => `${person.userName} ${name}: ${user.attributes[name]} instead of ${value}`);
    if (JSON.stringify(user.groups) !== JSON.stringify(groups))
      wrong.push(`${person.userName} groups: ${user.groups.join()} instead of ${groups.join()}`);
    if (user.status !== 'CONFIRMED') wrong.push(`${person.userName} is ${user.status}`);
    return wrong;
  }

  private tenantOf(person: Person): Tenant {
    const tenant = this.directory.tenants.get(person.tenant);
    if (!tenant) throw new Error('a person without tenant');
    return tenant;
  }
}

interface AccountFact {
  id: string;
  status: string;
  announced: string | null;
  provisioned: boolean;
}

const QUIET = `
  select case
    when exists (select 1 from directory.outbox) then (select count(*) || ' in the outbox of directory' from directory.outbox)
    when exists (select 1 from hub.outbox) then 'outbox of hub'
    when exists (select 1 from offboarding.outbox) then 'outbox of offboarding'
    when exists (select 1 from identity.outbox) then (select count(*) || ' in the outbox of identity' from identity.outbox)
    when exists (select 1 from bus.event_log l where l.topic in ('directory.users', 'directory.groups', 'integration.settings', 'identity.access', 'offboarding.cases') and l.position > coalesce((select o.position from identity.consumer_offset o where o.consumer_group = 'identity-service' and o.topic = l.topic and o.partition = l.partition), 0)) or exists (select 1 from identity.deferred_event) then 'the consumer is behind'
    when exists (select 1 from identity.membership_load) then (select 'members of a group: ' || coalesce(last_error, 'loading') from identity.membership_load limit 1)
    when exists (select 1 from identity.reevaluation) then 're-evaluation'
    when exists (select 1 from identity.parked_event) then (select 'parked: ' || coalesce(error, '') from identity.parked_event limit 1)
    when exists (select 1 from identity.account where desired_revision > applied_revision and not (coalesce(last_error_class, '') in ('permanent', 'conflict') and next_attempt_at > clock_timestamp() + interval '1 minute')) then
      (select 'account ' || id || ' ' || coalesce(last_error, 'pending') from identity.account where desired_revision > applied_revision limit 1)
  end as waiting`;
