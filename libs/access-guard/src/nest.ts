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
import { NO_ACCESS_TOKEN } from '#platform';
import { AccessDenied } from './denied.js';
import { AccessGuard, type AccessGuardOptions, type CallerAccess } from './guard.js';

/** The part of a request that Fastify and Express share. */
interface HttpRequest {
  readonly headers: { readonly authorization?: string };
  /** The caller of the request. The guard sets it before the handler runs. */
  access?: CallerAccess;
}

/** The part of a reply that Fastify and Express share. */
interface HttpReply {
  header(name: string, value: string): unknown;
  status(code: number): { send(body: unknown): unknown };
}

const ROLES = 'access-guard:roles';

/** Requires that the caller has one of these roles. Roles on a method replace the roles of its class. */
export const Roles = (...roles: [string, ...string[]]) => SetMetadata(ROLES, roles);
/** Allows requests without a token. */
export const Public = () => SetMetadata(NO_ACCESS_TOKEN, true);
/** Injects the {@link CallerAccess} of the request into a parameter of a handler. */
export const Caller = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.switchToHttp().getRequest<HttpRequest>().access,
);

class HttpAccessGuard implements CanActivate {
  private readonly reflector = new Reflector();

  constructor(private readonly guard: AccessGuard) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean>(NO_ACCESS_TOKEN, targets)) return true;
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    const roles = this.reflector.getAllAndOverride<string[]>(ROLES, targets);
    try {
      request.access = await this.guard.authorize(request.headers.authorization, roles);
      return true;
    } catch (error) {
      // Set the header here, because a catch-all filter of the application replaces the filter below.
      const challenge = error instanceof AccessDenied ? error.challenge : undefined;
      if (challenge) void http.getResponse<HttpReply>().header('www-authenticate', challenge);
      throw error;
    }
  }
}

/** Sends the refusal in applications without a catch-all filter. */
@Catch(AccessDenied)
class AccessDeniedFilter implements ExceptionFilter<AccessDenied> {
  catch({ status, headers, body }: AccessDenied, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<HttpReply>();
    for (const [name, value] of Object.entries(headers)) void reply.header(name, value);
    void reply.status(status).send(body);
  }
}

/** Takes the readiness checks of a service. */
export interface GuardHealth {
  add(kind: 'ready', name: string, check: () => Promise<void>): void;
}

export type AccessGuardModuleOptions = AccessGuardOptions & {
  /**
   * Readiness checks of the service. If set, the service gets no traffic until `identity.access` was read to its end
   * once.
   */
  readonly health?: GuardHealth;
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
