import {
  applyDecorators,
  Inject,
  Injectable,
  SetMetadata,
  UseFilters,
  UseGuards,
  UsePipes,
  ValidationPipe,
} from '@nestjs/common';
import { ApiBearerAuth, ApiDefaultResponse } from '@nestjs/swagger';
import { ProblemBody } from '#contracts';
import type { ValidationError } from 'class-validator';
import { CONFIG } from './context.js';
import { InternalTokenGuard, Problem, ProblemFilter } from './problem.js';

/**
 * Metadata key of controllers whose routes check the service token, so that other guards of the application let these
 * requests pass.
 */
export const INTERNAL_API = 'internal-api';

/** Turns all errors of class-validator into one `invalid_request`. Unknown fields are refused, not ignored. */
export const validation = new ValidationPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  exceptionFactory: (errors) => new Problem('invalid_request', errors.flatMap(faultsOf).join('; ')),
});

function faultsOf({ constraints = {}, children = [] }: ValidationError): string[] {
  return [...Object.values(constraints), ...children.flatMap(faultsOf)];
}

@Injectable()
class ServiceTokenGuard extends InternalTokenGuard {
  constructor(@Inject(CONFIG) config: { readonly INTERNAL_API_TOKEN: string }) {
    super(config.INTERNAL_API_TOKEN);
  }
}

export const InternalApi = () =>
  applyDecorators(
    SetMetadata(INTERNAL_API, true),
    UseGuards(ServiceTokenGuard),
    UsePipes(validation),
    UseFilters(ProblemFilter),
    ApiBearerAuth(),
    ApiDefaultResponse({ type: ProblemBody, description: 'RFC 9457 problem.' }),
  );
