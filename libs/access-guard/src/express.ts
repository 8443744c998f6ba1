/** The guard as middleware of Express. The types name only what the middleware uses, so Express is no dependency. */
import { AccessDenied } from './denied.js';
import type { AccessGuard, CallerAccess } from './guard.js';

export interface GuardedRequest {
  readonly headers: { readonly authorization?: string | undefined };
  /** The caller of the request. The guard sets it before the handler runs. */
  access?: CallerAccess;
}

interface ExpressResponse {
  status(code: number): { set(headers: Readonly<Record<string, string>>): { send(body: unknown): unknown } };
}

/**
 * Returns middleware for the whole application or for one route. It sets `request.access`, or answers a refused caller.
 * With roles, the caller needs one of them.
 */
export function requireAccess(guard: AccessGuard, ...anyOf: readonly string[]) {
  return async (request: GuardedRequest, response: ExpressResponse, next: (error?: unknown) => void): Promise<void> => {
    try {
      request.access = await guard.authorize(request.headers.authorization, anyOf.length > 0 ? anyOf : undefined);
    } catch (error) {
      if (error instanceof AccessDenied) response.status(error.status).set(error.headers).send(error.body);
      else next(error);
      return;
    }
    next();
  };
}
