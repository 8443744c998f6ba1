/** What one SCIM request carries through the gateway, from the first hook to the log line. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { inSpan, SpanKind } from '#platform';
import { ScimError } from '#scim';

export interface ScimRequest {
  /** X-Request-Id of the answer, `causationid` of the events, key of the request log. */
  readonly id: string;
  readonly receivedAt: Date;
  readonly startedAt: number;
  /** Set by the guard; empty only on requests that it refused or that need no token. */
  tenantId: string;
  /** Base URL for `meta.location`, from the configuration, never from a header. */
  baseUrl: string;
  resourceId?: string;
  /** Trace of the handler, for the log line, which is written after its span has ended. */
  traceId?: string;
  /** Members that were asked for and do not exist. */
  leftOut?: readonly string[];
  scimType?: string;
  detail?: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    scim: ScimRequest;
  }
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly location?: string;
}

export const SCIM_TYPE = 'application/scim+json; charset=utf-8';

/**
 * Runs a handler in a trace span (its traceparent lands in the outbox) and sends what it answers. A refusal (4xx) is
 * thrown after the span: the gateway did its work, so the span has not failed.
 */
export async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  work: (scim: ScimRequest) => Promise<Answer>,
): Promise<void> {
  const { scim } = request;
  const traceparent = request.headers['traceparent'];
  const result = await inSpan(
    `SCIM ${request.method} ${request.routeOptions.url ?? ''}`,
    {
      kind: SpanKind.SERVER,
      attributes: { tenant: scim.tenantId, 'scim.request.id': scim.id },
      traceparent: typeof traceparent === 'string' ? traceparent : null,
    },
    async (span) => {
      scim.traceId = span.spanContext().traceId;
      try {
        return await work(scim);
      } catch (error) {
        if (error instanceof ScimError && error.status < 500) return error;
        throw error;
      }
    },
  );
  if (result instanceof ScimError) throw result;
  if (result.location !== undefined) void reply.header('location', result.location);
  void reply
    .status(result.status)
    .type(SCIM_TYPE)
    .send(result.body === undefined ? undefined : JSON.stringify(result.body));
}

/** One value of a query parameter; the last one if it is repeated. */
export function parameter(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, string | string[] | undefined>)[name];
  return Array.isArray(value) ? value.at(-1) : value;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id in its stored spelling; undefined for a text that cannot be the id of anything here. */
export const resourceId = (text: string): string | undefined => (UUID.test(text) ? text.toLowerCase() : undefined);
