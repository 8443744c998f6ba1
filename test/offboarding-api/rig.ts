/** The environment of one spec file: a database with rows that a test inserts, and deactivation-worker's API on it. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Environment } from '#command-line';
import { Database } from '#platform';
import { defaultSettings } from '#settings';
import { service } from '../../apps/deactivation-worker/src/service.js';
import { runStackflow, type Ran } from '../support/command-line.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess, type InProcess } from '../support/in-process.js';
import { accepting, credentialOf, stackSecrets, TOKEN } from '../support/internal-api.js';

/** Of a service without a Cognito that answers. */
export const environment = (test: TestDatabase, name: 'deactivation-worker' | 'identity-service') => ({
  DATABASE_URL: test.url(name),
  INTERNAL_API_CALLERS: accepting([
    'cli',
    'incident-service',
    'incidents',
    'reports',
    'mail',
    'crowd',
    'ahead',
    'behind',
  ]),
  AWS_REGION: 'us-east-1',
  COGNITO_USER_POOL_ID: 'us-east-1_nowhere',
  COGNITO_ENDPOINT: 'http://127.0.0.1:9',
  ...(name === 'identity-service' && {
    SCIM_GATEWAY_URL: 'http://127.0.0.1:9',
    INTERNAL_API_CREDENTIAL: credentialOf('identity-service'),
  }),
});

export interface Tenant {
  readonly id: string;
  readonly slug: string;
}

export interface Answer<T> {
  readonly status: number;
  readonly type: string;
  readonly body: T;
}

type Columns = Record<string, unknown>;

export class Rig {
  private constructor(
    readonly test: TestDatabase,
    private readonly running: InProcess,
    private readonly folder: string,
    /** Of an administrator, because the role of the service may not write evidence at will. */
    readonly database: Database,
  ) {}

  /** The whole service, but without consumers, and nothing that a test inserts is due. */
  static async start(): Promise<Rig> {
    const test = await createTestDatabase();
    const running = await startInProcess(
      { ...service, strategies: () => [] },
      environment(test, 'deactivation-worker'),
    );
    const rig = new Rig(
      test,
      running,
      await mkdtemp(path.join(tmpdir(), 'stack-')),
      await Database.connect({ url: test.adminUrl, schema: 'offboarding', poolSize: 5 }),
    );
    await rig.stackNames({});
    await writeFile(path.join(rig.folder, 'secrets.json'), stackSecrets);
    return rig;
  }

  get url(): string {
    return this.running.url;
  }

  /** Writes the `stack.json` of the command line: the worker and the given services. */
  async stackNames(others: Record<string, string>): Promise<void> {
    const services = Object.entries({ 'deactivation-worker': this.url, ...others }).map(([name, url]) => [
      name,
      { url },
    ]);
    await writeFile(
      path.join(this.folder, 'stack.json'),
      JSON.stringify({ services: Object.fromEntries(services) as unknown }),
    );
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    await this.running.stop();
    await this.database.close();
    await this.test.drop();
  }

  async http<T = Record<string, unknown>>(
    method: string,
    route: string,
    body?: unknown,
    token = TOKEN,
  ): Promise<Answer<T>> {
    const response = await fetch(`${this.url}${route}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      type: response.headers.get('content-type') ?? '',
      body: (text === '' ? null : JSON.parse(text)) as T,
    };
  }

  /** `stackflow offboarding ...` */
  cli(...args: string[]): Promise<Ran> {
    return this.cliWith({}, ...args);
  }

  cliWith(env: Environment, ...args: string[]): Promise<Ran> {
    return runStackflow(['offboarding', ...args], { STACK_DIR: this.folder, ...env });
  }

  async addTenant(change: Columns = {}): Promise<Tenant> {
    const id = randomUUID();
    const slug = `t-${id.slice(0, 8)}`;
    const settings = { ...defaultSettings(), tenant: { id, slug, host: null }, scimToken: null, ...change };
    await this.database.query(
      'insert into tenant_settings (tenant_id, slug, version, settings) values ($1, $2, 1, $3)',
      [id, slug, JSON.stringify(settings)],
    );
    return { id, slug };
  }

  async addPerson(tenant: Tenant, userName: string, change: Columns = {}): Promise<string> {
    const id = randomUUID();
    await this.insert('person', {
      id,
      tenant: tenant.id,
      directory_version: 1,
      user_name: userName,
      external_id: `00u${id.slice(0, 12)}`,
      display_name: userName.split('@')[0],
      active: true,
      desired_access: 'enabled',
      ...change,
    });
    return id;
  }

  /** Completed unless the change says otherwise; instants are SQL expressions of `now`, e.g. `now - interval '1 hour'`. */
  async addCase(
    tenant: Tenant,
    account: string,
    change: Columns = {},
    instants: Record<string, string> = {},
  ): Promise<string> {
    const id = randomUUID();
    await this.insert('offboarding_case', {
      id,
      tenant: tenant.id,
      account_id: account,
      state: 'completed',
      cause: 'user.deactivated',
      causation_id: 'request-1',
      pushed_at: new Date(),
      ...change,
    });
    const sets = Object.entries(instants).map(([column, sql]) => `${column} = ${sql}`);
    if (sets.length > 0)
      await this.database.query(
        `update offboarding_case set ${sets.join(', ')} from (select clock_timestamp() as now) t where id = $1`,
        [id],
      );
    return id;
  }

  async hold(tenant: Tenant, account: string, change: Columns = {}): Promise<string> {
    return this.addCase(tenant, account, {
      state: 'held',
      held_because: 'threshold',
      held_at: new Date(),
      held_until: new Date(Date.now() + 24 * 3_600_000),
      ...change,
    });
  }

  async caseOf(id: string): Promise<Record<string, unknown> | undefined> {
    return (await this.database.query('select * from offboarding_case where id = $1', [id]))[0];
  }

  private async insert(table: string, row: Columns): Promise<void> {
    const columns = Object.keys(row);
    await this.database.query(
      `insert into ${table} (${columns.join(', ')}) values (${columns.map((_, i) => `$${i + 1}`).join(', ')})`,
      Object.values(row),
    );
  }
}
