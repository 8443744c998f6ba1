/**
 * Converts every failure of a SCIM request into a SCIM error. Okta shows its `detail`, which therefore says what to
 * fix.
 */
import { Catch, HttpException, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseOutage, LOGGER, Problem, ProblemFilter, sqlState, type Logger } from '#platform';
import { LIMITS, ScimError } from '#scim';
import { SecretStoreUnavailable } from '#secrets';
import { isGroupRoute } from './body.js';
import { SCIM_TYPE } from './context.js';

const OUTAGE_RETRY_SECONDS = 5;

const unavailable = (what: string): ScimError =>
  new ScimError(
    503,
    `${what} A change may or may not have been stored. Repeat the request later; a repetition is safe. In Okta, retry the provisioning task.`,
    {
      retryAfterSeconds: OUTAGE_RETRY_SECONDS,
    },
  );

/**
 * Answers to requests that Fastify or Nest refuses before a handler runs. Only the status of such an error is known.
 */
const BY_STATUS: Readonly<Record<number, (route: string) => ScimError>> = {
  400: () =>
    ScimError.of(
      'invalidSyntax',
      'The request cannot be read. Check that the URL is encoded correctly ("%" and two hexadecimal digits of valid UTF-8) and that the body is as long as Content-Length says.',
    ),
  404: () =>
    new ScimError(
      404,
      'There is nothing at this address. The SCIM endpoints are /Users, /Groups, /ServiceProviderConfig, /ResourceTypes and /Schemas below the base URL.',
    ),
  413: (route) =>
    new ScimError(
      413,
      isGroupRoute(route)
        ? `The request body is larger than ${LIMITS.groupBody.bytes / 1024 / 1024} MiB, which is the limit for groups. Split the members over several requests.`
        : `The request body is larger than ${LIMITS.userBody.bytes / 1024 / 1024} MiB, which is the limit for users. Map fewer or shorter attributes.`,
      { scimType: 'tooMany' },
    ),
  415: () => new ScimError(415, 'The Content-Type of the request must be application/scim+json or application/json.'),
};

const internal = (): ScimError =>
  new ScimError(500, 'Something failed on our side. Quote the X-Request-Id of this answer to StackFlow support.');

/** Converts any error into a SCIM error that reveals no SQL, stack or host name. `route` is the pattern of the URL. */
export function toScimError(error: unknown, route = ''): ScimError {
  if (error instanceof ScimError) return error;
  if (error instanceof SecretStoreUnavailable)
    return unavailable('The SCIM token cannot be checked, because the store of the tokens is not reachable.');
  if (isDatabaseOutage(error)) return unavailable('The database is not reachable at the moment.');
  const state = sqlState(error);
  if (state !== undefined) return fromPostgres(state);
  const status =
    error instanceof HttpException ? error.getStatus() : ((error ?? {}) as { statusCode?: unknown }).statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return internal();
  return BY_STATUS[status]?.(route) ?? new ScimError(status, 'The request is not well-formed HTTP for this endpoint.');
}

/**
 * SQLSTATEs 40xxx, 55P03 and 57014 mean a conflict with another transaction. 22xxx and 54xxx mean that a value cannot
 * be stored.
 */
function fromPostgres(state: string): ScimError {
  if (/^(40...|55P03|57014)$/.test(state))
    return unavailable('The request took too long, because other requests were changing the same data.');
  if (/^(22|54)/.test(state))
    return ScimError.of(
      'invalidValue',
      'A value in the request cannot be stored: it is too long or contains characters that are not allowed.',
    );
  return internal();
}

export function sendScimError(reply: FastifyReply, request: FastifyRequest | undefined, error: ScimError): void {
  if (request?.scim) {
    request.scim.detail = error.detail;
    if (error.options.scimType) request.scim.scimType = error.options.scimType;
  }
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer realm="SCIM"');
  if (error.options.retryAfterSeconds !== undefined)
    void reply.header('retry-after', String(error.options.retryAfterSeconds));
  void reply.status(error.status).type(SCIM_TYPE).send(JSON.stringify(error.body()));
}

/** Routes that need no SCIM token. They can be reached only inside the cluster. */
const PLATFORM_ROUTE = /^\/(health\/(?:live|ready|version)|metrics|internal\/.+)$/;

/**
 * True for a route that needs no SCIM token. Compares the route that was found, not the path, so that no spelling of a
 * path avoids authentication.
 */
export const isPlatformRoute = ({ routeOptions, is404 }: FastifyRequest): boolean =>
  !is404 && PLATFORM_ROUTE.test(routeOptions?.url ?? '');

/**
 * Internal routes answer with problem documents. The body parser throws ScimErrors on these routes, too. This function
 * converts them.
 */
const problemOf = (thrown: unknown): unknown =>
  thrown instanceof ScimError ? new Problem('invalid_request', thrown.detail) : thrown;

@Catch()
export class ScimErrorFilter implements ExceptionFilter {
  private readonly problems: ProblemFilter;

  constructor(@Inject(LOGGER) private readonly logger: Logger) {
    this.problems = new ProblemFilter(logger);
  }

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (isPlatformRoute(request)) return this.problems.catch(problemOf(thrown), host);
    const error = toScimError(thrown, request.routeOptions?.url);
    if (!(thrown instanceof ScimError) && error.status >= 500)
      this.logger.error(
        { err: thrown, requestId: request.scim?.id, tenant: request.scim?.tenantId, code: `scim_${error.status}` },
        'SCIM request failed',
      );
    if (!reply.sent) sendScimError(reply, request, error);
  }
}

/** Builds the HTTP response to bytes that Node cannot parse as a request. Okta parses every response as JSON. */
export function rawScimError(status: number, reason: string, detail: string): string {
  const body = JSON.stringify(new ScimError(status, detail).body());
  return `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${SCIM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}
