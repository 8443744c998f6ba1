/** integration-hub in this process: real Postgres, real HTTP, real SDK, a stand-in of Secrets Manager. */
import { Client } from 'pg';
import {
  ApiProblem,
  HubClient,
  InternalClient,
  type Json,
  type HubTenant,
  type SettingsChangeBody,
  type TenantChanged,
} from '#contracts';
import { service } from '../../apps/integration-hub/src/service.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess, type InProcess } from '../support/in-process.js';
import { FakeSecretsManager } from './secrets-manager.js';
import { INTERNAL_API_CALLERS, TOKEN } from '../support/internal-api.js';

/** The administrator in all these tests. */
export const BY = 'jane';
/** As the audit names them: with the caller whose credential they used. */
export const AUDITED = `cli: ${BY}`;

export interface CreatedTenant {
  readonly tenant: Json<HubTenant>;
  readonly token: string;
}

export class HubUnderTest {
  private constructor(
    readonly database: TestDatabase,
    readonly secretsManager: FakeSecretsManager,
    readonly secretsEndpoint: string,
    private readonly running: RunningHub,
  ) {}

  static async start(environment: Readonly<Record<string, string>> = {}): Promise<HubUnderTest> {
    const secretsManager = new FakeSecretsManager();
    const [database, endpoint] = await Promise.all([createTestDatabase(), secretsManager.start()]);
    return new HubUnderTest(database, secretsManager, endpoint, await runHub(database, endpoint, environment));
  }

  async stop(): Promise<void> {
    await this.running.stop();
    await this.secretsManager.stop();
    await this.database.drop();
  }

  get client(): HubClient {
    return this.running.client;
  }

  get service(): InProcess {
    return this.running.service;
  }

  /** One more replica on the same database, with other settings. */
  replica(environment: Readonly<Record<string, string>>): Promise<RunningHub> {
    return runHub(this.database, this.secretsEndpoint, environment);
  }

  /** A tenant that must not exist yet. */
  async create(slug: string, settings: SettingsChangeBody = {}): Promise<CreatedTenant> {
    const { tenant, scimToken } = await this.client.create({ slug, settings, by: BY });
    return { tenant, token: scimToken?.secret ?? '' };
  }

  configure(slug: string, settings: SettingsChangeBody): Promise<Json<TenantChanged>> {
    return this.client.configure(slug, { settings, by: BY });
  }

  rotate(slug: string, graceMs?: number) {
    return this.client.rotateScimToken(slug, { by: BY, ...(graceMs !== undefined && { graceMs }) });
  }

  /** Runs SQL as the superuser, who sees every schema. */
  async query<T>(sql: string, values: unknown[] = []): Promise<T[]> {
    const client = new Client({ connectionString: this.database.adminUrl });
    await client.connect();
    try {
      return (await client.query(sql, values)).rows as T[];
    } finally {
      await client.end();
    }
  }

  /** The published settings events of a tenant in the order of publication. */
  events(tenantId: string): Promise<{ sequence: number; data: Record<string, unknown> }[]> {
    return this.query(
      `select sequence::int, data from bus.event_log where topic = 'integration.settings' and tenant = $1 order by position`,
      [tenantId],
    );
  }

  /** The rows of the hub and of the event bus that contain `text`. */
  async rowsWith(text: string): Promise<unknown[]> {
    const tables = await this.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('hub', 'bus')`,
    );
    expect(tables.length).toBeGreaterThan(4);
    const rows = await Promise.all(
      tables.map(({ name }) => this.query(`select t::text from ${name} t where strpos(t::text, $1) > 0`, [text])),
    );
    return rows.flat();
  }
}

export interface RunningHub {
  readonly client: HubClient;
  readonly service: InProcess;
  stop(): Promise<void>;
}

async function runHub(
  database: TestDatabase,
  secretsEndpoint: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningHub> {
  const running = await startInProcess(service, {
    DATABASE_URL: database.url('integration-hub'),
    INTERNAL_API_CALLERS,
    SECRETS_MANAGER_ENDPOINT: secretsEndpoint,
    PUBLIC_ORIGIN: 'http://localhost:8080',
    ...environment,
  });
  const client = new HubClient(new InternalClient({ service: 'integration-hub', url: running.url, token: TOKEN }));
  return { client, service: running, stop: () => running.stop() };
}

/** The refusal of a call that must be refused. */
export async function refusal(call: Promise<unknown>): Promise<ApiProblem> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  if (outcome instanceof ApiProblem) return outcome;
  throw new Error(`the call was not refused: ${JSON.stringify(outcome)}`);
}
