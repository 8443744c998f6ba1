import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { AdministratorName, TenantErasure, TenantSlugPath } from '#contracts';
import { CalledBy, type Caller, InternalApi, Needs } from '#platform';
import { TenantErasureService } from '../settings/tenant-erasure.service.js';

@ApiTags('tenants')
@InternalApi()
@Controller('internal/hub/tenants/:slug/erasure')
export class HubErasureController {
  constructor(private readonly erasures: TenantErasureService) {}

  @Post()
  @Needs('operate')
  @HttpCode(202)
  @ApiAcceptedResponse({ type: TenantErasure })
  start(
    @Param() { slug }: TenantSlugPath,
    @Body() { by }: AdministratorName,
    @CalledBy() caller: Caller,
  ): Promise<TenantErasure> {
    return this.erasures.start(slug, caller.onBehalfOf(by));
  }

  /** Call it after all other services are done. The record names the person who began the erasure. */
  @Post('finish')
  @Needs('operate')
  @HttpCode(200)
  @ApiOkResponse({ type: TenantErasure })
  finish(@Param() { slug }: TenantSlugPath, @Body() _body: AdministratorName): Promise<TenantErasure> {
    return this.erasures.finish(slug);
  }
}
