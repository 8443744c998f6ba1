/** The context of one SCIM request: handlers read the request from it and answer through it. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { inSpan, SpanKind } from '#platform';
import { parseFilter, parsePage, ScimError, type Filter, type Page } from '#scim';

export interface ScimContext {
  /** X-Request-Id of the answer, `causationid` of the events, key of the request log. */
  readonly id: string;
  readonly receivedAt: Date;
  readonly startedAt: number;
  /** Set by {@link ScimAuthentication}; empty if it refused the request. */
  tenantId: string;
  /** Base URL for `meta.location`, from the configuration, never from a header. */
  baseUrl: string;
  resourceId?: string;
  /** Trace of the handler, for the log line, which is written after its span has ended. */
  traceId?: string;
  /** Ids of members that the client sent and that were not stored, because no such user exists. */
  leftOut?: readonly string[];
  scimType?: string;
  detail?: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    scim: ScimContext;
  }
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly location?: string;
}

export const SCIM_TYPE = 'application/scim+json; charset=utf-8';

/**
 * Runs a handler in a trace span, whose traceparent gets into the outbox, and sends its answer. A refusal (4xx) is
 * thrown after the span: the service did its work, so the span has not failed.
 */
export async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  work: (scim: ScimContext) => Promise<Answer>,
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

/** `filter`, `startIndex` and `count` of a list request (RFC 7644 sections 3.4.2.2 and 3.4.2.4). */
export function listQuery(request: FastifyRequest): { filter: Filter | undefined; page: Page } {
  const filter = parameter(request, 'filter');
  return {
    filter: filter === undefined || filter === '' ? undefined : parseFilter(filter),
    page: parsePage(parameter(request, 'startIndex'), parameter(request, 'count')),
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id in its stored spelling; undefined for a text that cannot be an id of this service. */
export const resourceId = (text: string): string | undefined => (UUID.test(text) ? text.toLowerCase() : undefined);

/** The id in the path. Throws `notFound(id)` for a text that cannot be an id of this service. */
export function pathId(request: FastifyRequest, notFound: (id: string) => ScimError): string {
  const { id = '' } = request.params as { id?: string };
  request.scim.resourceId = id;
  const known = resourceId(id);
  if (known === undefined) throw notFound(id);
  return known;
}
