import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { ErasureWait } from '#contracts';
import { Database } from '#platform';
import { ScimError } from '#scim';
import type { ClosingTenant, TenantOwner } from '#worker';
import type { ScimContext } from '../http/context.js';
import { GroupsService } from './groups/groups.service.js';
import { UsersService } from './users/users.service.js';

const BATCH = 500;
const AT_ONCE = 10;

/** Deletes everybody and every group of a tenant as SCIM requests would, so that all other services see it. */
@Injectable()
export class DirectoryTenantClosing implements TenantOwner {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly groups: GroupsService,
  ) {}

  async close({ tenant, isSettled }: ClosingTenant): Promise<ErasureWait | null> {
    const people = await this.ids('users', 'tenant_id = $1 and deleted_at is null', tenant);
    await this.delete(people, tenant, (context, id) => this.users.delete(context, id));
    if (people.length > 0) return 'people';
    const groups = await this.ids('groups', 'tenant_id = $1', tenant);
    await this.delete(groups, tenant, (context, id) => this.groups.delete(context, id));
    if (groups.length > 0) return 'people';
    return isSettled ? null : 'requests';
  }

  async countPeople(tenant: string): Promise<number> {
    const [counted] = await this.database.query<{ people: number }>(
      'select count(*)::int as people from users where tenant_id = $1',
      [tenant],
    );
    return counted?.people ?? 0;
  }

  private async ids(table: 'users' | 'groups', where: string, tenant: string): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(`select id from ${table} where ${where} limit ${BATCH}`, [
      tenant,
    ]);
    return rows.map(({ id }) => id);
  }

  private async delete(
    ids: readonly string[],
    tenantId: string,
    work: (context: ScimContext, id: string) => Promise<void>,
  ): Promise<void> {
    const startedAt = performance.now();
    const context: ScimContext = { id: randomUUID(), receivedAt: new Date(), startedAt, tenantId, baseUrl: '' };
    for (let at = 0; at < ids.length; at += AT_ONCE)
      await Promise.all(
        ids.slice(at, at + AT_ONCE).map((id) =>
          work(context, id).catch((error: unknown) => {
            // Another replica, or a request that still ran, deleted it first.
            if (!(error instanceof ScimError && error.status === 404)) throw error;
          }),
        ),
      );
  }
}
