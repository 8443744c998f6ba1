/** What happens to every request before and after its handler, as hooks of Fastify: cheaper than Nest's own chain. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { PlatformContext } from '#platform';
import { ScimError } from '#scim';
import type { RequestLog } from '../requests/request-log.js';
import type { Guard } from './guard.js';
import { sendScimError, toScimError } from './scim-errors.js';
import type { ScimRequest } from './scim-request.js';

interface Parts {
  readonly guard: Guard;
  readonly requestLog: RequestLog;
  readonly platform: PlatformContext;
}

export function installHooks(server: FastifyInstance, parts: Parts): void {
  server.decorateRequest('scim', null as unknown as ScimRequest);
  const observe = observer(parts);
  server.addHook('onRequest', async (request, reply) => {
    if (parts.guard.isPublic(request)) return;
    begin(request, reply, observe);
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined)
      throw new ScimError(400, 'The request has no Host header, which HTTP/1.1 requires (RFC 9112 section 3.2).');
    await parts.guard.admit(request);
  });
}

/** For requests that fail before routing (a malformed URL): the same door, then the same form of error. */
export async function answerUnroutable(
  parts: Parts,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  begin(request, reply, observer(parts));
  const refusal = await parts.guard.admit(request).then(
    () => error,
    (e: unknown) => e,
  );
  sendScimError(reply, request, toScimError(refusal));
}

function begin(
  request: FastifyRequest,
  reply: FastifyReply,
  observe: (request: FastifyRequest, reply: FastifyReply) => void,
): void {
  request.scim = { id: randomUUID(), receivedAt: new Date(), startedAt: performance.now(), tenantId: '', baseUrl: '' };
  void reply.header('x-request-id', request.scim.id);
  // Emitted once, also when the client goes away first.
  reply.raw.once('close', () => observe(request, reply));
}

/** One log line, one histogram value and, for requests of a tenant, one row of the request log. */
function observer({ platform, requestLog }: Parts): (request: FastifyRequest, reply: FastifyReply) => void {
  const durations = platform.metrics.histogram(
    'scim_request_duration_seconds',
    'Time from the headers of a SCIM request to the end of its answer.',
    ['method', 'resource', 'status'],
  );
  return (request, reply) => {
    const { scim } = request;
    const durationMs = performance.now() - scim.startedAt;
    const resource = /^\/scim\/v2\/(\w+)/.exec(request.routeOptions?.url ?? '')?.[1] ?? 'none';
    // True only if all of the answer was handed over before the connection ended.
    const delivered = reply.raw.writableFinished;
    const { statusCode: status } = reply;
    durations.observe({ method: request.method, resource, status: String(status) }, durationMs / 1_000);
    platform.logger.info(
      {
        tenant: scim.tenantId || undefined,
        method: request.method,
        resource,
        status,
        ms: Math.round(durationMs * 10) / 10,
        requestId: scim.id,
        ...(scim.traceId && { traceId: scim.traceId }),
        ...(scim.scimType && { code: scim.scimType }),
        ...(!delivered && { delivered }),
        ...(scim.leftOut?.length && { leftOut: scim.leftOut.length }),
      },
      'scim request',
    );
    if (scim.tenantId === '') return;
    requestLog.add({
      id: scim.id,
      tenantId: scim.tenantId,
      at: scim.receivedAt,
      method: request.method,
      url: request.originalUrl,
      resourceType: resource === 'none' ? null : resource,
      resourceId: scim.resourceId ?? null,
      status,
      durationMs,
      scimType: scim.scimType ?? null,
      detail: scim.detail ?? null,
      leftOut: scim.leftOut ?? [],
      delivered,
      userAgent: request.headers['user-agent'] ?? null,
    });
  };
}
