/** `/internal/tenants/:tenant/accounts`: what the hub and the command line ask about accounts. */
import { Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { AccountPath, TenantPath } from '#contracts';
import { InternalApi, PLATFORM, Problem, type PlatformContext } from '#platform';
import { PRIORITY } from '../roles/transition.js';
import { distrust } from '../reconcile/queue.sql.js';
import { Wake } from '../wake.js';
import { AccountQueries } from './account-queries.js';
import type { AccountView } from './accounts.sql.js';
import { AccountsQuery } from './dto.js';

@InternalApi()
@Controller('internal/tenants/:tenant/accounts')
export class AccountsController {
  constructor(
    private readonly queries: AccountQueries,
    private readonly wake: Wake,
    @Inject(PLATFORM) private readonly platform: PlatformContext,
  ) {}

  @Get()
  page(@Param() { tenant }: TenantPath, @Query() query: AccountsQuery) {
    return this.queries.page(tenant, query);
  }

  @Get(':id')
  one(@Param() path: AccountPath): Promise<AccountView> {
    return this.known(path);
  }

  @Get(':id/grants')
  async grants(@Param() path: AccountPath) {
    const account = await this.known(path);
    return { account: account.id, grants: await this.queries.grants(path.tenant, account.id) };
  }

  @Get(':id/explanation')
  async explanation(@Param() path: AccountPath) {
    return this.queries.explanation(await this.known(path));
  }

  /** Reads Cognito back and repairs it now, whatever the backoff says. */
  @Post(':id/retry')
  @HttpCode(202)
  async retry(@Param() path: AccountPath) {
    const account = await this.known(path);
    await this.platform.database.query(distrust, [[account.id], PRIORITY.single, null]);
    this.wake.reconcile();
    return { account: account.id, retrying: true };
  }

  private async known({ tenant, id }: AccountPath): Promise<AccountView> {
    const account = await this.queries.find(tenant, id);
    if (!account) throw new Problem('not_found', `There is no account ${id} in this tenant.`);
    return account;
  }
}
