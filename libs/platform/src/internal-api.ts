/** Every route of an internal API has the same frame: the service token, checked parameters, and errors as problems. */
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

/** Metadata of a controller whose routes check the service token themselves, whatever else guards the application. */
export const INTERNAL_API = 'internal-api';

/** Turns what class-validator finds into one `invalid_request`. Fields that no rule names are refused, not ignored. */
export const validation = new ValidationPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  exceptionFactory: (errors) => new Problem('invalid_request', errors.flatMap(faultsOf).join('; ')),
});

/** Includes the faults of nested objects. */
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
