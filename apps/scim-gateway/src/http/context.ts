import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { inSpan, SpanKind, UUID } from '#platform';
import { parseFilter, parsePage, ScimError, type Filter, type Page } from '#scim';
import { collect, type Pieces } from './pieces.js';

/** A limit of one tenant. {@link ScimContext.throttledBy} names the one that was used up. */
export type Budget = 'requests' | 'open_requests' | 'body_bytes' | 'membership_changes';

export interface ScimContext {
  /** The X-Request-Id of the answer. Events of the request carry it as `causationid`. */
  readonly id: string;
  readonly receivedAt: Date;
  readonly startedAt: number;
  /** Id of the tenant. {@link ScimAuthentication} sets it; it stays empty if the token is refused. */
  tenantId: string;
  /** Base URL for `meta.location`. It comes from the settings, never from a header. */
  baseUrl: string;
  resourceId?: string;
  /** Trace id of the handler's span, for the log line that is written after the end of the span. */
  traceId?: string;
  /** Ids of members that were sent but not stored, because no such user exists. */
  leftOut?: readonly string[];
  scimType?: string;
  /** The error text of the answer, or a remark about a request that succeeded. The request log keeps it. */
  detail?: string;
  /** True if the request counts as open. */
  admitted?: boolean;
  /** The budget that the tenant has used up. */
  throttledBy?: Budget;
  /** The error that ended an answer after its first bytes. */
  brokenBy?: unknown;
}

declare module 'fastify' {
  interface FastifyRequest {
    scim: ScimContext;
  }
}

export interface Answer {
  readonly status: number;
  /** An object, or the text in pieces. */
  readonly body?: object | Pieces;
  readonly location?: string;
}

/** The client closed the connection before its request was read or worked on. Nobody gets the answer. */
export class ConnectionEnded extends ScimError {
  constructor() {
    super(400, 'The connection ended before the request was complete.');
  }
}

export const SCIM_TYPE = 'application/scim+json; charset=utf-8';

/**
 * Runs a handler in a trace span and sends its answer, when the tenant's turn has come. Throws a refusal (4xx) outside the
 * span, because a correct refusal must not mark the span as failed. The trace is a new one with a link to the client's,
 * because a client could otherwise write into any trace.
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
      linked: typeof traceparent === 'string' ? traceparent : null,
    },
    async (span) => {
      scim.traceId = span.spanContext().traceId;
      try {
        return await request.server.scimHooks.budgets.slots.run(scim.tenantId, async () => {
          if (request.socket.destroyed) throw new ConnectionEnded();
          const { body, ...result } = await work(scim);
          return { ...result, text: await textOf(body, (error) => (scim.brokenBy = error)) };
        });
      } catch (error) {
        if (error instanceof ScimError && error.status < 500) return error;
        throw error;
      }
    },
  );
  if (result instanceof ScimError) throw result;
  if (result.location !== undefined) void reply.header('location', result.location);
  void reply.status(result.status).type(SCIM_TYPE).send(result.text);
}

function textOf(
  body: Answer['body'],
  onError: (error: unknown) => void,
): Promise<string | Readable> | string | undefined {
  if (body === undefined) return undefined;
  return Symbol.asyncIterator in body ? collect(body, onError) : JSON.stringify(body);
}

/** Returns the last value of a query parameter. */
export function parameter(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Record<string, string | string[] | undefined>)[name];
  return Array.isArray(value) ? value.at(-1) : value;
}

/** Parses the parameters of a list request (RFC 7644 sections 3.4.2.2 and 3.4.2.4). */
export function listQuery(request: FastifyRequest): { filter: Filter | undefined; page: Page } {
  const filter = parameter(request, 'filter');
  return {
    filter: filter === undefined || filter === '' ? undefined : parseFilter(filter),
    page: parsePage(parameter(request, 'startIndex'), parameter(request, 'count')),
  };
}

/** Returns the id in lower case, or undefined if the text is no UUID. */
export const resourceId = (text: string): string | undefined => {
  const id = text.toLowerCase();
  return UUID.test(id) ? id : undefined;
};

/** Returns the id in the path. Throws `notFound(id)` if it is no UUID. */
export function pathId(request: FastifyRequest, notFound: (id: string) => ScimError): string {
  const { id = '' } = request.params as { id?: string };
  request.scim.resourceId = id;
  const known = resourceId(id);
  if (known === undefined) throw notFound(id);
  return known;
}
