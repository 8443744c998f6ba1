import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import {
  ConfigureTenant,
  CreateTenant,
  HubAuditPage,
  HubAuditQuery,
  HubTenant,
  HubTenantList,
  RotateScimToken,
  ScimTokenIssued,
  TenantChanged,
  TenantSlugPath,
} from '#contracts';
import { CalledBy, type Caller, InternalApi, Needs } from '#platform';
import { AdminAudit } from '../audit/admin-audit.js';
import { TenantStore } from '../settings/tenant.store.js';
import { TenantService, type TokenResult } from '../settings/tenant.service.js';
import { toChange } from './settings-change.js';
import { TenantViews } from './tenant-views.js';

@ApiTags('tenants')
@InternalApi()
@Controller('internal/hub/tenants')
export class HubTenantsController {
  constructor(
    private readonly store: TenantStore,
    private readonly tenants: TenantService,
    private readonly views: TenantViews,
    private readonly adminAudit: AdminAudit,
  ) {}

  @Get()
  @ApiOkResponse({ type: HubTenantList })
  async list(): Promise<HubTenantList> {
    return { tenants: await this.views.all(await this.store.list()) };
  }

  @Get(':slug')
  @ApiOkResponse({ type: HubTenant })
  async one(@Param() { slug }: TenantSlugPath): Promise<HubTenant> {
    return this.views.one(await this.store.get(slug));
  }

  @Post()
  @Needs('operate')
  @ApiCreatedResponse({ type: ScimTokenIssued })
  async create(
    @Body() { slug, by: person, settings, ifMissing }: CreateTenant,
    @CalledBy() caller: Caller,
  ): Promise<ScimTokenIssued> {
    const by = caller.onBehalfOf(person);
    return this.issued(await this.tenants.create({ slug, by, ifMissing, change: settings && toChange(settings) }));
  }

  @Post(':slug/settings')
  @Needs('operate')
  @HttpCode(200)
  @ApiOkResponse({ type: TenantChanged })
  async configure(
    @Param() { slug }: TenantSlugPath,
    @Body() { settings, by }: ConfigureTenant,
    @CalledBy() caller: Caller,
  ): Promise<TenantChanged> {
    return this.views.changed(await this.tenants.configure(slug, toChange(settings), caller.onBehalfOf(by)));
  }

  @Post(':slug/scim-token')
  @Needs('operate')
  @HttpCode(200)
  @ApiOkResponse({ type: ScimTokenIssued })
  async rotate(
    @Param() { slug }: TenantSlugPath,
    @Body() { by, graceMs }: RotateScimToken,
    @CalledBy() caller: Caller,
  ): Promise<ScimTokenIssued> {
    return this.issued(await this.tenants.rotate(slug, caller.onBehalfOf(by), graceMs));
  }

  @Get(':slug/audit')
  @ApiOkResponse({ type: HubAuditPage })
  async audit(@Param() { slug }: TenantSlugPath, @Query() query: HubAuditQuery): Promise<HubAuditPage> {
    const { id } = await this.store.get(slug);
    return this.adminAudit.page(id, query);
  }

  private async issued({ token, ...result }: TokenResult): Promise<ScimTokenIssued> {
    const scimToken = token && { secret: token.token, previousValidUntil: token.previousValidUntil };
    return { ...(await this.views.changed(result)), scimToken };
  }
}
