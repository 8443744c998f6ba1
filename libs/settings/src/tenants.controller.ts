/** `/internal/tenants`: lists the tenants of a service, so that callers can find a tenant by its slug. */
import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { TenantList, type TenantView } from '#contracts';
import { columnsOf, Database, InternalApi } from '#platform';
import { TenantSettingsEntity } from './tenant-settings.entity.js';

const ALL = `
  select tenant_id as id, ${columnsOf(TenantSettingsEntity, { only: ['slug', 'host'] })}, version::int as "settingsVersion"
    from tenant_settings order by slug`;

@ApiTags('tenants')
@InternalApi()
@Controller('internal/tenants')
export class TenantsController {
  constructor(private readonly database: Database) {}

  @Get()
  @ApiOkResponse({ type: TenantList })
  async all(): Promise<TenantList> {
    return { tenants: await this.database.query<TenantView>(ALL) };
  }
}
