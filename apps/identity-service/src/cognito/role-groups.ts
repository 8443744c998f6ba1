/** Creates the Cognito groups that represent roles. */
import { Injectable } from '@nestjs/common';
import { CognitoError, UserPool, type Urgency } from '#cognito';
import { Database } from '#platform';
import { KnownRoleEntity } from '../directory/directory.entity.js';

/** Position of the role in the tenant's list, from 1 (strongest). It becomes the precedence of the Cognito group. */
const positionSql = `
  select r.position::int as position from tenant_settings s, jsonb_array_elements_text(s.settings -> 'roles') with ordinality as r(role, position)
   where s.tenant_id = $1 and r.role = $2`;
const WEAKEST = 1_000;

@Injectable()
export class RoleGroups {
  private readonly creations = new Map<string, Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly pool: UserPool,
  ) {}

  async known(): Promise<ReadonlySet<string>> {
    return new Set((await this.database.repository(KnownRoleEntity).find()).map(({ role }) => role));
  }

  /** Creates the group of a role. If many accounts miss the same group, it is created once. */
  create(tenant: string, role: string, urgency: Urgency): Promise<void> {
    let creation = this.creations.get(role);
    if (!creation) {
      creation = this.createOnce(tenant, role, urgency).finally(() => this.creations.delete(role));
      this.creations.set(role, creation);
    }
    return creation;
  }

  private async createOnce(tenant: string, role: string, urgency: Urgency): Promise<void> {
    const [row] = await this.database.query<{ position: number }>(positionSql, [tenant, role]);
    try {
      await this.pool.createGroup(role, row?.position ?? WEAKEST, urgency);
    } catch (error) {
      if (!(error instanceof CognitoError) || error.errorClass !== 'exists') throw error;
    }
  }
}
