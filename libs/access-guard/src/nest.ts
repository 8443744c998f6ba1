/**
 * Protects every HTTP handler of the application: a handler without a decorator needs a valid token. Event handlers are
 * not protected, because no HTTP request calls them.
 */
import {
  Catch,
  createParamDecorator,
  Module,
  SetMetadata,
  type ArgumentsHost,
  type CanActivate,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, Reflector } from '@nestjs/core';
import { HealthController, INTERNAL_API, type Health } from '#platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessDenied } from './denied.js';
import { AccessGuard, type AccessGuardOptions, type CallerAccess } from './guard.js';

declare module 'fastify' {
  interface FastifyRequest {
    access?: CallerAccess;
  }
}

const ROLES = 'access-guard:roles';
const PUBLIC = 'access-guard:public';

/** Requires that the caller has one of these roles. Roles on a method replace the roles of its class. */
export const Roles = (...roles: [string, ...string[]]) => SetMetadata(ROLES, roles);
/** Allows requests without a token. */
export const Public = () => SetMetadata(PUBLIC, true);
export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<FastifyRequest>().access,
);

class HttpAccessGuard implements CanActivate {
  private readonly reflector = new Reflector();

  constructor(private readonly guard: AccessGuard) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const targets = [context.getHandler(), context.getClass()];
    if (context.getClass() === HealthController || this.reflector.getAllAndOverride<boolean>(PUBLIC, targets))
      return true;
    if (this.reflector.get<boolean>(INTERNAL_API, context.getClass())) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const roles = this.reflector.getAllAndOverride<string[]>(ROLES, targets);
    try {
      request.access = await this.guard.authorize(request.headers.authorization, roles);
      return true;
    } catch (error) {
      // Set the header here, because a catch-all filter of the application replaces the filter below.
      const challenge = error instanceof AccessDenied ? error.challenge : undefined;
      if (challenge) void http.getResponse<FastifyReply>().header('www-authenticate', challenge);
      throw error;
    }
  }
}

/** Sends the body of `ProblemFilter`, plus the exact reason, in applications without that filter. */
@Catch(AccessDenied)
class AccessDeniedFilter implements ExceptionFilter<AccessDenied> {
  catch({ status, code, reason, detail, retryAfterSeconds }: AccessDenied, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
    void reply
      .status(status)
      .type('application/problem+json')
      .send({ type: 'about:blank', status, code, reason, detail });
  }
}

export type AccessGuardModuleOptions = AccessGuardOptions & {
  /**
   * Readiness checks of the service. If set, the service gets no traffic until `identity.access` was read to its end
   * once.
   */
  readonly health?: Health;
};

@Module({})
export class AccessGuardModule {
  constructor(private readonly guard: AccessGuard) {}

  static forRoot(options: AccessGuardModuleOptions): DynamicModule {
    const guard = new AccessGuard(options);
    options.health?.add('ready', 'access', async () => {
      if (guard.freshness().state === 'bootstrapping') throw new Error('the access of all accounts is not loaded yet');
    });
    return {
      module: AccessGuardModule,
      global: true,
      providers: [
        { provide: AccessGuard, useValue: guard },
        { provide: APP_GUARD, useValue: new HttpAccessGuard(guard) },
        { provide: APP_FILTER, useValue: new AccessDeniedFilter() },
      ],
      exports: [AccessGuard],
    };
  }

  onModuleInit(): void {
    this.guard.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.guard.close();
  }
}
