import { Body, Controller, Delete, Param, Put, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { AdministratorName, ConnectOkta, ConnectSso, OktaConnected, TenantChanged, TenantSlugPath } from '#contracts';
import { CalledBy, type Caller, InternalApi, Needs } from '#platform';
import { ConnectionService } from '../settings/connection.service.js';
import { TenantViews } from './tenant-views.js';

@ApiTags('connections')
@InternalApi()
@Controller('internal/hub/tenants/:slug')
export class ConnectionsController {
  constructor(
    private readonly connections: ConnectionService,
    private readonly views: TenantViews,
  ) {}

  @Put('okta')
  @Needs('operate')
  @ApiOkResponse({ type: OktaConnected })
  async connectOkta(
    @Param() { slug }: TenantSlugPath,
    @Body() { by, domain, appId, ...secrets }: ConnectOkta,
    @CalledBy() caller: Caller,
  ): Promise<OktaConnected> {
    const okta = { domain, appId };
    const { hook, ...result } = await this.connections.connectOkta(slug, { okta, ...secrets }, caller.onBehalfOf(by));
    const { hookSecret, previousValidUntil } = hook;
    return {
      ...(await this.views.changed(result)),
      hookSecret: hookSecret === null ? null : { secret: hookSecret, previousValidUntil },
    };
  }

  @Delete('okta')
  @Needs('operate')
  @ApiOkResponse({ type: TenantChanged })
  async disconnectOkta(
    @Param() { slug }: TenantSlugPath,
    @Query() { by }: AdministratorName,
    @CalledBy() caller: Caller,
  ): Promise<TenantChanged> {
    return this.views.changed(await this.connections.disconnectOkta(slug, caller.onBehalfOf(by)));
  }

  @Put('sso')
  @Needs('operate')
  @ApiOkResponse({ type: TenantChanged })
  async connectSso(
    @Param() { slug }: TenantSlugPath,
    @Body() { by, ...client }: ConnectSso,
    @CalledBy() caller: Caller,
  ): Promise<TenantChanged> {
    return this.views.changed(await this.connections.connectSso(slug, client, caller.onBehalfOf(by)));
  }

  @Delete('sso')
  @Needs('operate')
  @ApiOkResponse({ type: TenantChanged })
  async disconnectSso(
    @Param() { slug }: TenantSlugPath,
    @Query() { by }: AdministratorName,
    @CalledBy() caller: Caller,
  ): Promise<TenantChanged> {
    return this.views.changed(await this.connections.disconnectSso(slug, caller.onBehalfOf(by)));
  }
}
