/** What the internal API tells about accounts; always within one tenant. */
import { Inject, Injectable } from '@nestjs/common';
import { PLATFORM, type PlatformContext } from '#platform';
import { settingsOf } from '#settings';
import { rolesOfGroup } from '../roles/derive-roles.js';
import {
  accountColumns,
  accountsPage,
  grantsOf,
  groupsOf,
  toAccountView,
  type AccountRow,
  type AccountView,
  type GrantView,
} from './accounts.sql.js';
import { explain, type Explanation } from './explanation.js';
import type { AccountsQuery } from './dto.js';

const PAGE = 100;

@Injectable()
export class AccountQueries {
  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext) {}

  async page(tenant: string, query: AccountsQuery): Promise<{ accounts: AccountView[]; next: string | null }> {
    const limit = query.limit ?? PAGE;
    const rows = await this.platform.database.query<AccountRow>(accountsPage, [
      tenant,
      query.userName ?? null,
      query.externalId ?? null,
      query.cursor ?? null,
      limit + 1,
    ]);
    const accounts = rows.slice(0, limit).map(toAccountView);
    return { accounts, next: rows.length > limit ? (accounts.at(-1)?.id ?? null) : null };
  }

  async find(tenant: string, id: string): Promise<AccountView | null> {
    const [row] = await this.platform.database.query<AccountRow>(
      `select ${accountColumns} from account where tenant = $1 and id = $2`,
      [tenant, id],
    );
    return row ? toAccountView(row) : null;
  }

  async grants(tenant: string, id: string): Promise<GrantView[]> {
    return this.platform.database.query<GrantView>(grantsOf, [tenant, id]);
  }

  async explanation(account: AccountView): Promise<Explanation> {
    const { database } = this.platform;
    const copy = await settingsOf(database, 'identity', account.tenant);
    const rows = await database.query<{ id: string; displayName: string | null; deleted: boolean }>(groupsOf, [
      account.tenant,
      account.id,
    ]);
    const rules = copy?.settings ?? { roles: [], roleMappings: [] };
    const groups = rows.map((group) => ({
      id: group.id,
      displayName: group.displayName,
      deleted: group.deleted,
      roles: group.displayName === null ? [] : rolesOfGroup({ ...group, displayName: group.displayName }, rules),
    }));
    return explain(account, groups, copy);
  }
}
