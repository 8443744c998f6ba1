/**
 * Authenticates and logs every SCIM request. Hooks of Fastify cost less than Nest's chain of guards and interceptors.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { LOGGER, Metrics, type Logger } from '#platform';
import { ScimError } from '#scim';
import { RequestLog } from '../activity/request-log.js';
import { ScimAuthentication } from './authentication.js';
import { BasePaths } from './base-paths.js';
import type { ScimContext } from './context.js';
import { isPlatformRoute, sendScimError, toScimError } from './errors.js';

declare module 'fastify' {
  interface FastifyInstance {
    scimHooks: ScimHooks;
  }
}

@Injectable()
export class ScimHooks {
  private readonly durations;

  constructor(
    readonly basePaths: BasePaths,
    private readonly authentication: ScimAuthentication,
    private readonly requestLog: RequestLog,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.durations = metrics.histogram(
      'scim_request_duration_seconds',
      'Time from the headers of a SCIM request to the end of its answer.',
      ['method', 'resource', 'status'],
    );
  }

  install(server: FastifyInstance): void {
    server.decorate<ScimHooks>('scimHooks', this);
    server.decorateRequest('scim', null as unknown as ScimContext);
    server.addHook('onRequest', async (request, reply) => {
      if (isPlatformRoute(request)) return;
      this.begin(request, reply);
      if (request.raw.httpVersion === '1.1' && request.headers.host === undefined)
        throw new ScimError(400, 'The request has no Host header, which HTTP/1.1 requires (RFC 9112 section 3.2).');
      await this.authentication.authenticate(request);
    });
  }

  /** Answers a request that has a malformed URL. Without a valid token the answer is 401, as for any other URL. */
  async answerUnroutable(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    this.begin(request, reply);
    const refusal = await this.authentication.authenticate(request).then(
      () => error,
      (e: unknown) => e,
    );
    sendScimError(reply, request, toScimError(refusal));
  }

  private begin(request: FastifyRequest, reply: FastifyReply): void {
    const id = randomUUID();
    request.scim = { id, receivedAt: new Date(), startedAt: performance.now(), tenantId: '', baseUrl: '' };
    void reply.header('x-request-id', id);
    // `close` comes exactly once, even if the client closes the connection first.
    reply.raw.once('close', () => this.record(request, reply));
  }

  /** Writes a log line and a metric. If the tenant is known, also adds a row to the request log. */
  private record(request: FastifyRequest, reply: FastifyReply): void {
    const { scim, method } = request;
    const { statusCode: status } = reply;
    const durationMs = performance.now() - scim.startedAt;
    const resource = /^\/scim\/v2\/(\w+)/.exec(request.routeOptions?.url ?? '')?.[1] ?? 'none';
    // True only if the whole answer was written before the connection ended.
    const delivered = reply.raw.writableFinished;
    this.durations.observe({ method, resource, status: String(status) }, durationMs / 1_000);
    this.logger.info(
      {
        tenant: scim.tenantId || undefined,
        method,
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
    if (scim.brokenBy !== undefined)
      this.logger.error(
        { err: scim.brokenBy, requestId: scim.id, tenant: scim.tenantId, code: 'scim_answer_broken' },
        'A SCIM answer failed after its first bytes, so its connection was ended. The client must repeat the request.',
      );
    if (scim.tenantId === '') return;
    this.requestLog.add({
      id: scim.id,
      tenantId: scim.tenantId,
      at: scim.receivedAt,
      method,
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
  }
}
