import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { StartErasure, TenantErasure, TenantPath } from '#contracts';
import { CalledBy, type Caller, InternalApi, Needs } from '#platform';
import { TenantErasures } from './tenant-erasure.js';

@ApiTags('tenants')
@InternalApi()
@Controller('internal/tenants/:tenant/erasure')
export class TenantErasureController {
  constructor(private readonly erasures: TenantErasures) {}

  @Post()
  @Needs('operate')
  @HttpCode(202)
  @ApiAcceptedResponse({ type: TenantErasure })
  start(
    @Param() { tenant }: TenantPath,
    @Body() { by, people }: StartErasure,
    @CalledBy() caller: Caller,
  ): Promise<TenantErasure> {
    return this.erasures.start(tenant, { by: caller.onBehalfOf(by), ...(people !== undefined && { people }) });
  }

  @Get()
  @ApiOkResponse({ type: TenantErasure })
  progress(@Param() { tenant }: TenantPath): Promise<TenantErasure> {
    return this.erasures.progress(tenant);
  }
}
