/** `/internal/tenants`: the tenants that this service knows, so that callers can name one by its slug. */
import { Controller, Get, Inject } from '@nestjs/common';
import { InternalApi, PLATFORM, type PlatformContext } from '#platform';

export interface TenantView {
  readonly id: string;
  readonly slug: string;
  readonly host: string | null;
  readonly settingsVersion: number;
}

@InternalApi()
@Controller('internal/tenants')
export class TenantsController {
  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext) {}

  @Get()
  async all(): Promise<{ tenants: TenantView[] }> {
    const sql =
      'select tenant_id as id, slug, host, version::int as "settingsVersion" from tenant_settings order by slug';
    return { tenants: await this.platform.database.query<TenantView>(sql) };
  }
}
