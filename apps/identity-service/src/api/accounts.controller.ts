/** Shows accounts, their grants and the reasons for their roles, and repairs one account in Cognito. */
import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse } from '@nestjs/swagger';
import {
  AccountGrants,
  AccountList,
  AccountListQuery,
  AccountPath,
  AccountRetry,
  AccountView,
  Explanation,
  TenantPath,
} from '#contracts';
import { Database, InternalApi, Needs, Problem } from '#platform';
import { PRIORITY } from '../accounts/transition.js';
import { markUnknown } from '../cognito/queue.sql.js';
import { Reconciler } from '../cognito/reconciler.js';
import { AccountQueries } from './account-queries.js';

@InternalApi()
@Controller('internal/tenants/:tenant/accounts')
export class IdentityAccountsController {
  constructor(
    private readonly queries: AccountQueries,
    private readonly reconciler: Reconciler,
    private readonly database: Database,
  ) {}

  @Get()
  @ApiOkResponse({ type: AccountList })
  list(@Param() { tenant }: TenantPath, @Query() query: AccountListQuery): Promise<AccountList> {
    return this.queries.page(tenant, query);
  }

  @Get(':id')
  @ApiOkResponse({ type: AccountView })
  async one(@Param() { tenant, id }: AccountPath): Promise<AccountView> {
    const account = await this.queries.find(tenant, id);
    if (!account) throw new Problem('not_found', `This tenant has no account ${id}.`);
    return account;
  }

  @Get(':id/grants')
  @ApiOkResponse({ type: AccountGrants })
  async grants(@Param() path: AccountPath): Promise<AccountGrants> {
    const { id, tenant } = await this.one(path);
    return { account: id, grants: await this.queries.grants(tenant, id) };
  }

  @Get(':id/explanation')
  @ApiOkResponse({ type: Explanation })
  async explanation(@Param() path: AccountPath): Promise<Explanation> {
    return this.queries.explanation(await this.one(path));
  }

  /** Makes the reconciler read the user from Cognito and repair it now, without waiting for the next attempt. */
  @Post(':id/retry')
  @Needs('operate')
  @HttpCode(202)
  @ApiAcceptedResponse({ type: AccountRetry })
  async retry(@Param() path: AccountPath): Promise<AccountRetry> {
    const { id } = await this.one(path);
    await markUnknown(this.database, [id], PRIORITY.single);
    this.reconciler.wake();
    return { account: id, retrying: true };
  }
}
