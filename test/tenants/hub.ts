/** The hub's command line in this process: real Postgres, real SDK, a stand-in of Secrets Manager. */
import { Client } from 'pg';
import { runCli } from '../../apps/integration-hub/src/cli.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { FakeSecretsManager } from './secrets-manager.js';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class HubUnderTest {
  private constructor(
    readonly database: TestDatabase,
    readonly secretsManager: FakeSecretsManager,
    readonly secretsEndpoint: string,
  ) {}

  static async start(): Promise<HubUnderTest> {
    const secretsManager = new FakeSecretsManager();
    return new HubUnderTest(await createTestDatabase(), secretsManager, await secretsManager.start());
  }

  async stop(): Promise<void> {
    await this.secretsManager.stop();
    await this.database.drop();
  }

  get env(): NodeJS.ProcessEnv {
    return {
      DATABASE_URL: this.database.url('integration-hub'),
      SECRETS_MANAGER_ENDPOINT: this.secretsEndpoint,
      PUBLIC_URL: 'http://localhost:8080',
    };
  }

  async run(args: string, env: NodeJS.ProcessEnv = this.env): Promise<Ran> {
    return this.runArgs(args.split(' '), env);
  }

  async runArgs(args: readonly string[], env: NodeJS.ProcessEnv = this.env): Promise<Ran> {
    let out = '';
    let err = '';
    const code = await runCli(args, { env, out: (text) => (out += text), err: (text) => (err += text) });
    return { code, out, err };
  }

  /** The JSON answer of a command that must succeed. */
  async json<T = HubAnswer>(args: string): Promise<T> {
    const { code, out, err } = await this.run(`${args} --json`);
    if (code !== 0) throw new Error(`"${args}" ended with ${code}: ${err}`);
    return JSON.parse(out) as T;
  }

  /** As administrator, across schemas. */
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
}

export interface HubAnswer {
  readonly tenant: { readonly id: string; readonly slug: string; readonly host: string | null };
  readonly version: number;
  readonly settings: Record<string, unknown> & { roleMappings: unknown[]; scimToken: { issuedAt: string } | null };
  readonly scimBaseUrl: string;
  readonly scimToken: string;
  readonly published: boolean;
}
