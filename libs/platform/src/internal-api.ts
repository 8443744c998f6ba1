/** What every route of an internal API has: the service token, checked parameters, and errors as problems. */
import { applyDecorators, Inject, Injectable, UseGuards, UsePipes, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { CONFIG } from './context.js';
import { InternalTokenGuard, Problem } from './problem.js';

/** Turns what class-validator finds into one `invalid_request`; what no rule names is refused, not ignored. */
export const validation = new ValidationPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  exceptionFactory: (errors) => new Problem('invalid_request', errors.flatMap(faultsOf).join('; ')),
});

/** Also of nested objects, whose faults stand in `children`. */
function faultsOf({ constraints = {}, children = [] }: ValidationError): string[] {
  return [...Object.values(constraints), ...children.flatMap(faultsOf)];
}

@Injectable()
class ServiceTokenGuard extends InternalTokenGuard {
  constructor(@Inject(CONFIG) config: { readonly INTERNAL_API_TOKEN: string }) {
    super(config.INTERNAL_API_TOKEN);
  }
}

export const InternalApi = () => applyDecorators(UseGuards(ServiceTokenGuard), UsePipes(validation));
