import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { ApiAcceptedResponse, ApiNoContentResponse, ApiOkResponse } from '@nestjs/swagger';
import {
  AccountPath,
  PeopleList,
  PeopleQuery,
  PersonTimeline,
  RefusalBody,
  RetryStarted,
  SignOutBody,
  SignOutState,
  TenantPath,
} from '#contracts';
import { CalledBy, type Caller, InternalApi, Needs, LOGGER, type Logger } from '#platform';
import { PersonSignOuts } from '../access/sign-out.js';
import { CaseQueries } from '../cases/case-queries.js';
import { CaseRefusals } from '../cases/refusals.js';
import { OffboardingWake } from '../wake.js';

@InternalApi()
@Controller('internal/tenants/:tenant/accounts')
export class OffboardingPeopleController {
  constructor(
    private readonly queries: CaseQueries,
    private readonly refusals: CaseRefusals,
    private readonly signOuts: PersonSignOuts,
    private readonly wake: OffboardingWake,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get()
  @ApiOkResponse({ type: PeopleList })
  lookUp(@Param() { tenant }: TenantPath, @Query() { who }: PeopleQuery): Promise<PeopleList> {
    return this.queries.people(tenant, who);
  }

  @Get(':id/timeline')
  @ApiOkResponse({ type: PersonTimeline })
  timeline(@Param() { tenant, id }: AccountPath): Promise<PersonTimeline> {
    return this.queries.timeline(tenant, id);
  }

  /** Reads the user from Cognito now, without waiting for the next attempt, and applies the desired access. */
  @Post(':id/retry')
  @Needs('operate')
  @HttpCode(202)
  @ApiAcceptedResponse({ type: RetryStarted })
  async retry(@Param() { tenant, id }: AccountPath): Promise<RetryStarted> {
    await this.queries.retry(tenant, id);
    this.wake.emit('run');
    return { account: id, retrying: true };
  }

  @Post(':id/refusals')
  @Needs('report-refusals')
  @HttpCode(204)
  @ApiNoContentResponse()
  async refused(
    @Param() { tenant, id }: AccountPath,
    @Body() { at }: RefusalBody,
    @CalledBy() caller: Caller,
  ): Promise<void> {
    await this.queries.person(tenant, id);
    await this.refusals.record(tenant, id, at, caller.name);
  }

  @Post(':id/sign-out')
  @Needs('sign-out')
  @HttpCode(202)
  @ApiAcceptedResponse({ type: SignOutState })
  async signOut(
    @Param() { tenant, id }: AccountPath,
    @Body() { causationId }: SignOutBody,
    @CalledBy() caller: Caller,
  ): Promise<SignOutState> {
    const state = await this.signOuts.request(tenant, id, causationId);
    const about = { tenant, account: id, code: 'sign_out_requested', by: caller.name, causationId, ...state };
    this.logger.info(about, 'A person is being signed out everywhere and keeps access.');
    return state;
  }

  @Get(':id/sign-out')
  @Needs('sign-out')
  @ApiOkResponse({ type: SignOutState })
  signOutState(@Param() { tenant, id }: AccountPath): Promise<SignOutState> {
    return this.signOuts.state(tenant, id);
  }
}
