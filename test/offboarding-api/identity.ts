/** identity-service beside the worker, over rows put there by hand: it holds losses of roles by the same brake. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApplication, createLogger, Database, Health, loadConfig, Metrics } from '#platform';
import { service } from '../../apps/identity-service/src/service.js';
import type { TestDatabase } from '../support/database.js';
import { TOKEN, type Tenant } from './rig.js';

export class Identity {
  private constructor(
    private readonly app: NestFastifyApplication,
    private readonly database: Database,
    readonly url: string,
  ) {}

  /** Nobody tells it anything, and Cognito is not there. */
  static async start(test: TestDatabase): Promise<Identity> {
    const config = loadConfig(service.name, service.config, {
      DATABASE_URL: test.url('identity-service'),
      INTERNAL_API_TOKEN: TOKEN,
      AWS_REGION: 'us-east-1',
      COGNITO_USER_POOL_ID: 'us-east-1_nowhere',
      COGNITO_ENDPOINT: 'http://127.0.0.1:9',
    });
    const database = await Database.connect({ url: config.DATABASE_URL, ...service.database });
    await database.migrate();
    const app = await createApplication(service, {
      service: service.name,
      config,
      database,
      logger: createLogger(service.name, 'silent'),
      metrics: new Metrics(service.name, { process: false }),
      health: new Health(),
    });
    await app.listen(0, '127.0.0.1');
    return new Identity(app, database, await app.getUrl());
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.database.close();
  }

  /** The account would lose its strongest role, and the brake holds that. */
  async loses(tenant: Tenant, account: string, userName: string): Promise<void> {
    await this.database.query(
      `insert into account (id, tenant, user_name, status, assigned_roles, roles)
       values ($1, $2, $3, 'active', '{super_admin,viewer}', '{super_admin,viewer}')`,
      [account, tenant.id, userName],
    );
    await this.database.query(
      `insert into held_role_loss (account_id, tenant, would_lose, held_because, cause, causation_id)
       values ($1, $2, '{super_admin}', 'last_admin', 'user.left-group', 'request-1')`,
      [account, tenant.id],
    );
  }

  /** Accounts of which something still waits for a decision. */
  async held(tenant: Tenant): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      'select account_id as id from held_role_loss where tenant = $1 and released_at is null',
      [tenant.id],
    );
    return rows.map((row) => row.id).sort();
  }
}
