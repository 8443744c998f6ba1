/**
 * `/auth/okta/event-hook/:slug`: where a tenant's Okta org delivers its event hooks. The secret in a header is weak proof,
 * because Okta signs no deliveries. So a delivery is only a hint about whom to check in Okta. It is stored and answered
 * at once: Okta waits three seconds and repeats once.
 */
import { Body, Controller, Get, Headers, HttpCode, Param, Post } from '@nestjs/common';
import { Problem } from '#platform';
import { OktaEventHooks } from '../okta/hooks/event-hooks.js';

@Controller('auth/okta/event-hook/:slug')
export class EventHookController {
  constructor(private readonly hooks: OktaEventHooks) {}

  /**
   * Okta's one-time verification: returns the challenge, which is no secret. If a secret is sent along, it must be the
   * right one, so that a mistyped secret is noticed when the hook is created.
   */
  @Get()
  async verify(
    @Param('slug') slug: string,
    @Headers('authorization') authorization: string | undefined,
    @Headers('x-okta-verification-challenge') challenge: string | undefined,
  ): Promise<{ verification: string }> {
    if (challenge === undefined)
      throw new Problem('invalid_request', 'The header x-okta-verification-challenge is missing; Okta sends it.');
    if (authorization !== undefined) await this.hooks.authenticate(slug, authorization);
    return { verification: challenge };
  }

  @Post()
  @HttpCode(204)
  async deliver(
    @Param('slug') slug: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ): Promise<void> {
    await this.hooks.deliver(await this.hooks.authenticate(slug, authorization), body);
  }
}
