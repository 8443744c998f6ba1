import Fastify, { type FastifyInstance } from 'fastify';
import { z } from 'zod';

const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** An error of the caller of a control API. The caller reads its message. */
export class ControlError extends Error {
  constructor(
    readonly statusCode: 400 | 404 | 409,
    message: string,
  ) {
    super(message);
    this.name = 'ControlError';
  }
}

/** Parses the body or the query of a control request. The error names each mistake. */
export function parseControl<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  throw new ControlError(400, parsed.error.issues.map((i) => `${i.path.join('.') || 'body'}: ${i.message}`).join('; '));
}

/** Creates a listener of Fastify without Nest. Closing it also closes its connections. */
export function createListener(): FastifyInstance {
  const app = Fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true });
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    return reply.status(status).send({ error: error.message });
  });
  return app;
}

/** Starts to listen. Returns the base URL without a trailing slash. Port 0 selects a free port. */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  await app.listen({ host, port });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the listener has no TCP address');
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${address.port}`;
}
