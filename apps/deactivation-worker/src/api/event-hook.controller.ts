/**
 * Receives the event hooks of a tenant's Okta org. Okta does not sign deliveries, and the secret in a header is weak
 * proof. A delivery therefore only names people to check in Okta. The delivery is stored and answered at once, because
 * Okta waits three seconds for the answer and repeats a delivery only once.
 */
import { Body, Controller, Get, Headers, HttpCode, Param, Post } from '@nestjs/common';
import { Problem } from '#platform';
import { OktaEventHooks } from '../okta/hooks/event-hooks.js';

@Controller('auth/okta/event-hook/:slug')
export class EventHookController {
  constructor(private readonly hooks: OktaEventHooks) {}

  /**
   * Answers Okta's one-time verification with the challenge, which is not secret. A secret in the request must be
   * correct, so that a mistyped secret is noticed when the hook is created.
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
