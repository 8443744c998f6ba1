/** What every route of the internal API has: the service token, and problems instead of exceptions. */
import { applyDecorators, Catch, Inject, Injectable, UseFilters, UseGuards, UsePipes } from '@nestjs/common';
import { InternalTokenGuard, PLATFORM, ProblemFilter, type PlatformContext } from '#platform';
import type { IdentityConfig } from '../config.js';
import { validation } from './dto.js';

@Injectable()
class ServiceTokenGuard extends InternalTokenGuard {
  constructor(@Inject(PLATFORM) platform: PlatformContext<IdentityConfig>) {
    super(platform.config.INTERNAL_API_TOKEN);
  }
}

@Catch()
class InternalProblemFilter extends ProblemFilter {
  constructor(@Inject(PLATFORM) platform: PlatformContext) {
    super(platform.logger);
  }
}

export const InternalApi = () =>
  applyDecorators(UseGuards(ServiceTokenGuard), UseFilters(InternalProblemFilter), UsePipes(validation));
