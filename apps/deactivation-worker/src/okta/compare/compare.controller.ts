/** `/internal/tenants/:tenant/okta/compare`: compare a tenant with its Okta app, and how that goes. */
import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { IsBoolean, IsOptional } from 'class-validator';
import { TenantPath } from '#contracts';
import { InternalApi, Problem } from '#platform';
import { OktaCompare, type CompareView } from './compare.js';

class CompareBody {
  /** Believe Okta even if it says that nobody is assigned to the app. */
  @IsOptional()
  @IsBoolean()
  force?: boolean;
}

@InternalApi()
@Controller('internal/tenants/:tenant/okta/compare')
export class CompareController {
  constructor(private readonly compare: OktaCompare) {}

  @Post()
  @HttpCode(202)
  async start(@Param() { tenant }: TenantPath, @Body() body?: CompareBody): Promise<{ run: string }> {
    const { run } = await this.compare.start(tenant, 'request', body?.force ?? false);
    return { run };
  }

  @Get()
  async latest(@Param() { tenant }: TenantPath): Promise<CompareView> {
    const run = await this.compare.latest(tenant);
    if (run) return run;
    throw new Problem('not_found', 'This tenant was not compared with Okta yet; start it with POST.');
  }
}
