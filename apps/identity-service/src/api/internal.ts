/** What every route of the internal API has: the service token and checked parameters. */
import { applyDecorators, Inject, Injectable, UseGuards, UsePipes } from '@nestjs/common';
import { InternalTokenGuard, PLATFORM, type PlatformContext } from '#platform';
import type { IdentityConfig } from '../config.js';
import { validation } from './dto.js';

@Injectable()
class ServiceTokenGuard extends InternalTokenGuard {
  constructor(@Inject(PLATFORM) platform: PlatformContext<IdentityConfig>) {
    super(platform.config.INTERNAL_API_TOKEN);
  }
}

export const InternalApi = () => applyDecorators(UseGuards(ServiceTokenGuard), UsePipes(validation));
