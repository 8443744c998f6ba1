import {
  applyDecorators,
  createParamDecorator,
  Inject,
  Injectable,
  RequestMethod,
  SetMetadata,
  UseFilters,
  UseGuards,
  UsePipes,
  ValidationPipe,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { ApiBearerAuth, ApiDefaultResponse, ApiExtension } from '@nestjs/swagger';
import { ProblemBody, type Scope } from '#contracts';
import type { ValidationError } from 'class-validator';
import type { FastifyRequest } from 'fastify';
import { authenticate, type AcceptedCaller, type Caller } from './callers.js';
import { CONFIG } from './context.js';
import { NO_ACCESS_TOKEN } from './no-access-token.js';
import { Problem, ProblemFilter } from './problem.js';

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

const SCOPE = Symbol('scope');

/** Names the scope that a route needs. Routes that only read need `read` and no decorator. */
export const Needs = (scope: Scope): MethodDecorator => SetMetadata(SCOPE, scope);

type Request = FastifyRequest & { caller?: Caller };

/** The authenticated caller of the request. Audits name it, because a body can claim anything. */
export const CalledBy = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { caller } = context.switchToHttp().getRequest<Request>();
  if (!caller) throw new Error('this route has no guard that authenticates its callers');
  return caller;
});

@Injectable()
class CallerGuard implements CanActivate {
  constructor(@Inject(CONFIG) private readonly config: { readonly INTERNAL_API_CALLERS: readonly AcceptedCaller[] }) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const caller = authenticate(this.config.INTERNAL_API_CALLERS, request.headers.authorization ?? '');
    if (!caller)
      throw new Problem(
        'unauthenticated',
        'The internal API needs "Authorization: Bearer <caller>.<secret>" of a caller in INTERNAL_API_CALLERS.',
      );
    const scope = Reflect.getMetadata(SCOPE, context.getHandler()) as Scope;
    if (!caller.may(scope))
      throw new Problem('scope_missing', `${caller.name} may not do this; it needs the scope "${scope}".`, undefined, {
        caller: caller.name,
        scope,
      });
    request.caller = caller;
    return true;
  }
}

/** Makes a controller part of the internal API. A route that changes something and names no scope stops the program. */
export const InternalApi = (): ClassDecorator => (controller) => {
  const { prototype } = controller as unknown as { prototype: object };
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const handler = descriptor.value as object;
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) continue;
    const named = Reflect.getMetadata(SCOPE, handler) as Scope | undefined;
    if (named === undefined && method !== RequestMethod.GET)
      throw new Error(`${controller.name}.${name} changes something, so it must name the scope that it needs`);
    const scope = named ?? 'read';
    applyDecorators(Needs(scope), ApiExtension('x-scope', scope))(prototype, name, descriptor);
  }
  applyDecorators(
    SetMetadata(NO_ACCESS_TOKEN, true),
    UseGuards(CallerGuard),
    UsePipes(validation),
    UseFilters(ProblemFilter),
    ApiBearerAuth(),
    ApiDefaultResponse({ type: ProblemBody, description: 'RFC 9457 problem.' }),
  )(controller);
};
