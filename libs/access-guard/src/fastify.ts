/** The guard as a hook of Fastify. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessDenied } from './denied.js';
import type { AccessGuard, CallerAccess } from './guard.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller of the request. The guard sets it before the handler runs. */
    access?: CallerAccess;
  }
}

/**
 * Returns an `onRequest` hook for the whole application or for one route. It sets `request.access`, or answers a refused
 * caller. With roles, the caller needs one of them.
 */
export function requireAccess(guard: AccessGuard, ...anyOf: readonly string[]) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    try {
      request.access = await guard.authorize(request.headers.authorization, anyOf.length > 0 ? anyOf : undefined);
    } catch (error) {
      if (!(error instanceof AccessDenied)) throw error;
      await reply.status(error.status).headers(error.headers).send(error.body);
    }
  };
}
