/** `/internal/tenants/:tenant/held-role-losses`: losses of roles that the brake holds, and letting them happen. */
import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { TenantPath } from '#contracts';
import { InternalApi, PLATFORM, type PlatformContext } from '#platform';
import { HeldLosses } from '../roles/held-losses.js';
import { heldRoleLosses, type HeldRoleLossView } from './accounts.sql.js';
import { ReleaseBody } from './dto.js';

@InternalApi()
@Controller('internal/tenants/:tenant/held-role-losses')
export class HeldRoleLossesController {
  constructor(
    private readonly losses: HeldLosses,
    @Inject(PLATFORM) private readonly platform: PlatformContext,
  ) {}

  /** Oldest first. */
  @Get()
  async held(@Param() { tenant }: TenantPath): Promise<{ held: HeldRoleLossView[] }> {
    return { held: await this.platform.database.query<HeldRoleLossView>(heldRoleLosses, [tenant]) };
  }

  /** Without `accounts` all of the tenant. Accounts of which nothing is held are passed over. */
  @Post('release')
  @HttpCode(200)
  async release(@Param() { tenant }: TenantPath, @Body() { accounts, by }: ReleaseBody): Promise<{ released: number }> {
    return { released: await this.losses.release(tenant, accounts ?? null, by) };
  }
}
