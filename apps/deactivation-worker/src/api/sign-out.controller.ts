/** `/internal/tenants/:tenant/accounts/:id/sign-out`: end everything that somebody is signed in with; he keeps his access. */
import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { AccountPath } from '#contracts';
import { InternalApi, PLATFORM, type PlatformContext } from '#platform';
import { SignOuts, type SignOutState } from '../people/sign-out.js';
import { SignOutBody } from './dto.js';

@InternalApi()
@Controller('internal/tenants/:tenant/accounts/:id/sign-out')
export class SignOutController {
  constructor(
    private readonly signOuts: SignOuts,
    @Inject(PLATFORM) private readonly platform: PlatformContext,
  ) {}

  /** The fence stands and the rest is durable; how far it is `GET` tells. */
  @Post()
  @HttpCode(202)
  async ask(@Param() { tenant, id }: AccountPath, @Body() { by, causationId }: SignOutBody): Promise<SignOutState> {
    const state = await this.signOuts.ask(tenant, id, causationId);
    const about = { tenant, account: id, code: 'sign_out_asked', by, causationId, ...state };
    this.platform.logger.info(about, 'somebody is signed out everywhere');
    return state;
  }

  @Get()
  state(@Param() { tenant, id }: AccountPath): Promise<SignOutState> {
    return this.signOuts.state(tenant, id);
  }
}
