/**
 * `/auth/okta/event-hook/:slug`: where a tenant's Okta org delivers its event hooks. The secret in a header is weak
 * proof (Okta, event hooks: no signature), so a delivery is only a hint whom to ask Okta about; it is stored and
 * answered, because Okta waits three seconds and repeats once.
 */
import { Body, Controller, Get, Headers, HttpCode, Param, Post } from '@nestjs/common';
import { Problem } from '#platform';
import { HookDoor } from './hook-door.js';

@Controller('auth/okta/event-hook/:slug')
export class EventHookController {
  constructor(private readonly door: HookDoor) {}

  /**
   * Okta's one-time verification: gives back what was sent, which is no secret. Who sends a secret with it has to have
   * the right one, so that a mistyped one is noticed when the hook is made.
   */
  @Get()
  async verify(
    @Param('slug') slug: string,
    @Headers('authorization') authorization: string | undefined,
    @Headers('x-okta-verification-challenge') challenge: string | undefined,
  ): Promise<{ verification: string }> {
    if (challenge === undefined)
      throw new Problem('invalid_request', 'The header x-okta-verification-challenge is missing; Okta sends it.');
    if (authorization !== undefined) await this.door.open(slug, authorization);
    return { verification: challenge };
  }

  @Post()
  @HttpCode(204)
  async deliver(
    @Param('slug') slug: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ): Promise<void> {
    await this.door.take(await this.door.open(slug, authorization), body);
  }
}
