/** `/internal/tenants/:tenant`: the evidence of offboardings, and the release of those that the brake holds. */
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { AccountPath, TenantPath } from '#contracts';
import { InternalApi } from '#platform';
import { Admission } from '../cases/admission.js';
import { Wake } from '../wake.js';
import { CaseQueries } from './case-queries.js';
import { CasesQuery, HeldQuery, PeopleQuery, RefusalBody, ReleaseBody } from './dto.js';
import { Refusals } from './refusals.js';

@InternalApi()
@Controller('internal/tenants/:tenant')
export class CasesController {
  constructor(
    private readonly queries: CaseQueries,
    private readonly refusals: Refusals,
    private readonly admission: Admission,
    private readonly wake: Wake,
  ) {}

  /** Newest first. */
  @Get('offboarding')
  page(@Param() { tenant }: TenantPath, @Query() query: CasesQuery) {
    return this.queries.page(tenant, query);
  }

  @Get('held')
  held(@Param() { tenant }: TenantPath, @Query() { limit }: HeldQuery) {
    return this.queries.held(tenant, limit);
  }

  /** Only what is held in this tenant is released; the answer says how many that were. */
  @Post('held/release')
  @HttpCode(200)
  async release(@Param() { tenant }: TenantPath, @Body() { cases, by }: ReleaseBody): Promise<{ released: number }> {
    return { released: await this.admission.release(tenant, cases ?? null, by) };
  }

  @Get('accounts')
  people(@Param() { tenant }: TenantPath, @Query() query: PeopleQuery) {
    return this.queries.people(tenant, query);
  }

  @Get('accounts/:id/offboarding')
  timeline(@Param() { tenant, id }: AccountPath) {
    return this.queries.timeline(tenant, id);
  }

  /** Reads Cognito back and brings the door to what is wanted, whatever the backoff says. */
  @Post('accounts/:id/retry')
  @HttpCode(202)
  async retry(@Param() { tenant, id }: AccountPath): Promise<{ account: string; retrying: true }> {
    await this.queries.retry(tenant, id);
    this.wake.run();
    return { account: id, retrying: true };
  }

  @Post('accounts/:id/refusals')
  @HttpCode(204)
  async refused(@Param() { tenant, id }: AccountPath, @Body() body: RefusalBody): Promise<void> {
    await this.queries.person(tenant, id);
    await this.refusals.record(tenant, id, body);
  }
}
