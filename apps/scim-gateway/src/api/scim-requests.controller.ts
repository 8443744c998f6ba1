import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { ScimRequestPage, ScimRequestQuery, TenantPath } from '#contracts';
import { Database, InternalApi, Problem } from '#platform';
import { TenantSettingsCache } from '#settings';
import { findRequests } from '../activity/find-requests.js';

@ApiTags('requests')
@InternalApi()
@Controller('internal/tenants/:tenant/requests')
export class ScimRequestsController {
  constructor(
    private readonly database: Database,
    private readonly tenants: TenantSettingsCache,
  ) {}

  @Get()
  @ApiOkResponse({ type: ScimRequestPage })
  async list(@Param() { tenant }: TenantPath, @Query() query: ScimRequestQuery): Promise<ScimRequestPage> {
    if ((await this.tenants.get(tenant)) === null)
      throw new Problem('not_found', 'The tenant is unknown to scim-gateway.', undefined, { tenant });
    return findRequests(this.database, tenant, query);
  }
}
