/** `/internal/tenants/:tenant/held-role-losses`: lists the losses of roles that the brake holds, and releases them. */
import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { HeldRoleLossList, ReleaseRoleLossesBody, RoleLossesReleased, TenantPath } from '#contracts';
import { CalledBy, type Caller, InternalApi, Needs } from '#platform';
import { HeldLosses } from '../brake/held-losses.js';
import { AccountQueries } from './account-queries.js';

@InternalApi()
@Controller('internal/tenants/:tenant/held-role-losses')
export class HeldRoleLossesController {
  constructor(
    private readonly losses: HeldLosses,
    private readonly queries: AccountQueries,
  ) {}

  @Get()
  @ApiOkResponse({ type: HeldRoleLossList })
  async list(@Param() { tenant }: TenantPath): Promise<HeldRoleLossList> {
    return { held: await this.queries.heldRoleLosses(tenant) };
  }

  @Post('release')
  @Needs('operate')
  @HttpCode(200)
  @ApiOkResponse({ type: RoleLossesReleased })
  async release(
    @Param() { tenant }: TenantPath,
    @Body() { accounts, by }: ReleaseRoleLossesBody,
    @CalledBy() caller: Caller,
  ): Promise<RoleLossesReleased> {
    return { released: await this.losses.release(tenant, accounts ?? null, caller.onBehalfOf(by)) };
  }
}
