/** identity-service with rows that a test inserts: it holds losses of roles by the same brake. */
import { service } from '../../apps/identity-service/src/service.js';
import type { TestDatabase } from '../support/database.js';
import { startInProcess, type InProcess } from '../support/in-process.js';
import { environment, type Tenant } from './rig.js';

export class Identity {
  private constructor(private readonly running: InProcess) {}

  /** Without consumers and without Cognito. */
  static async start(test: TestDatabase): Promise<Identity> {
    return new Identity(
      await startInProcess({ ...service, strategies: () => [] }, environment(test, 'identity-service')),
    );
  }

  get url(): string {
    return this.running.url;
  }

  stop(): Promise<void> {
    return this.running.stop();
  }

  /** The account would lose its strongest role, and the brake holds that. */
  async loses(tenant: Tenant, account: string, userName: string): Promise<void> {
    await this.running.database.query(
      `insert into account (id, tenant, user_name, status, assigned_roles, roles)
       values ($1, $2, $3, 'active', '{super_admin,viewer}', '{super_admin,viewer}')`,
      [account, tenant.id, userName],
    );
    await this.running.database.query(
      `insert into held_role_loss (account_id, tenant, would_lose, held_because, held_until, cause, causation_id)
       values ($1, $2, '{super_admin}', 'last_admin', clock_timestamp() + interval '1 hour', 'group.members-changed', 'request-1')`,
      [account, tenant.id],
    );
  }

  /** Accounts with a loss of roles that is still held. */
  async held(tenant: Tenant): Promise<string[]> {
    const rows = await this.running.database.query<{ id: string }>(
      'select account_id as id from held_role_loss where tenant = $1 and released_at is null',
      [tenant.id],
    );
    return rows.map((row) => row.id).sort();
  }
}
