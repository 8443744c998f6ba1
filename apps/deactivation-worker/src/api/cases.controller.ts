import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import {
  CasePage,
  CasesQuery,
  HeldCases,
  HeldCasesQuery,
  ReleaseCasesBody,
  ReleasedCases,
  TenantPath,
} from '#contracts';
import { CalledBy, type Caller, InternalApi, Needs } from '#platform';
import { Admission } from '../cases/admission.js';
import { CaseQueries } from '../cases/case-queries.js';

@InternalApi()
@Controller('internal/tenants/:tenant')
export class OffboardingCasesController {
  constructor(
    private readonly queries: CaseQueries,
    private readonly admission: Admission,
  ) {}

  @Get('cases')
  @ApiOkResponse({ type: CasePage })
  page(@Param() { tenant }: TenantPath, @Query() query: CasesQuery): Promise<CasePage> {
    return this.queries.page(tenant, query);
  }

  @Get('held')
  @ApiOkResponse({ type: HeldCases })
  held(@Param() { tenant }: TenantPath, @Query() { limit }: HeldCasesQuery): Promise<HeldCases> {
    return this.queries.held(tenant, limit);
  }

  /** Ignores ids of cases that are not held in this tenant. */
  @Post('held/release')
  @Needs('operate')
  @HttpCode(200)
  @ApiOkResponse({ type: ReleasedCases })
  async release(
    @Param() { tenant }: TenantPath,
    @Body() { cases, by }: ReleaseCasesBody,
    @CalledBy() caller: Caller,
  ): Promise<ReleasedCases> {
    return { released: await this.admission.release(tenant, cases ?? null, caller.onBehalfOf(by)) };
  }
}
