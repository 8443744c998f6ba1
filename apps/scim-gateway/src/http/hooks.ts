/**
 * Authenticates and logs every SCIM request. Hooks of Fastify cost less than Nest's chain of guards and interceptors.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest, RequestPayload } from 'fastify';
import { randomUUID } from 'node:crypto';
import { pipeline, Transform } from 'node:stream';
import { LOGGER, Metrics, type Logger } from '#platform';
import { ScimError } from '#scim';
import { RequestLog } from '../activity/request-log.js';
import { ScimAuthentication } from './authentication.js';
import { BasePaths } from './base-paths.js';
import { Budgets } from './budgets.js';
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
    readonly budgets: Budgets,
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
    server.addHook('preParsing', (request, _reply, payload, done) => {
      const announced = request.headers['content-length'] !== undefined;
      done(null, announced || isPlatformRoute(request) ? payload : this.counted(request.scim, payload));
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

  /** Counts a body as it arrives. */
  private counted(scim: ScimContext, body: NodeJS.ReadableStream): RequestPayload {
    const counter: Transform & RequestPayload = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        counter.receivedEncodedLength = (counter.receivedEncodedLength ?? 0) + chunk.length;
        this.budgets.received(scim, chunk.length);
        done(null, chunk);
      },
    });
    pipeline(body, counter, () => undefined); // the parser gets the error of `counter`
    return counter;
  }

  private begin(request: FastifyRequest, reply: FastifyReply): void {
    const id = randomUUID();
    request.scim = { id, receivedAt: new Date(), startedAt: performance.now(), tenantId: '', baseUrl: '' };
    void reply.header('x-request-id', id);
    // `close` comes exactly once, even if the client closes the connection first.
    reply.raw.once('close', () => this.record(request, reply));
  }

  /**
   * Writes a metric, a log line and, if the tenant is known, a row of the request log. Requests of one tenant that are
   * refused in the same way share a row for a minute, so that a flood does not fill the database.
   */
  private record(request: FastifyRequest, reply: FastifyReply): void {
    const { scim, method } = request;
    // A request that never arrived as a whole has no answer. It must not look like a success.
    const status = request.raw.complete ? reply.statusCode : Math.max(reply.statusCode, 400);
    if (scim.admitted) this.budgets.leave(scim);
    const durationMs = performance.now() - scim.startedAt;
    const resource = /^\/scim\/v2\/(\w+)/.exec(request.routeOptions?.url ?? '')?.[1] ?? 'none';
    // True only if the whole answer was written before the connection ended.
    const delivered = reply.raw.writableFinished;
    this.durations.observe({ method, resource, status: String(status) }, durationMs / 1_000);
    const repeats =
      scim.tenantId !== '' &&
      this.requestLog.add(
        {
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
        },
        sharedReason(request, status),
      ) > 1;
    if (repeats && status !== 503) return;
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
        ...(scim.throttledBy && { code: scim.throttledBy }),
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
  }
}

/** The reason that equal refusals share, or undefined for a request that gets a row of its own. */
function sharedReason({ scim, method, originalUrl }: FastifyRequest, status: number): string | undefined {
  if (status === 429) return `429 ${scim.throttledBy ?? ''}`;
  if (status === 403) return '403';
  return status === 503 ? `503 ${method} ${originalUrl}` : undefined;
}
