import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse } from '@nestjs/swagger';
import { OktaComparison, OktaComparisonBody, OktaComparisonStarted, TenantPath } from '#contracts';
import { InternalApi, Needs, Problem } from '#platform';
import { OktaComparisons } from '../okta/comparison/comparisons.js';

@InternalApi()
@Controller('internal/tenants/:tenant/okta/comparison')
export class OktaComparisonController {
  constructor(private readonly comparisons: OktaComparisons) {}

  @Post()
  @Needs('operate')
  @HttpCode(202)
  @ApiAcceptedResponse({ type: OktaComparisonStarted })
  async start(@Param() { tenant }: TenantPath, @Body() body?: OktaComparisonBody): Promise<OktaComparisonStarted> {
    const { run } = await this.comparisons.start(tenant, 'request', body?.force ?? false);
    return { run };
  }

  @Get()
  @ApiOkResponse({ type: OktaComparison })
  async latest(@Param() { tenant }: TenantPath): Promise<OktaComparison> {
    const run = await this.comparisons.latest(tenant);
    if (run) return run;
    throw new Problem('not_found', 'This tenant was never compared with Okta.', undefined, { tenant });
  }
}
