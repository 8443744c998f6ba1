/** Whatever goes wrong, Okta gets JSON that says in words what to fix (P6): it shows `detail` to the administrator. */
import { Catch, HttpException, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseOutage, PLATFORM, sqlState, type PlatformContext } from '#platform';
import { LIMITS, ScimError } from '#scim';
import { SecretStoreUnavailable } from '#secrets';
import { SCIM_TYPE } from './scim-request.js';

/** Seconds after which a request that found no database or secret store may be repeated. */
const OUTAGE_RETRY_SECONDS = 5;

const unavailable = (what: string): ScimError =>
  new ScimError(503, `${what} Nothing was changed. Repeat the request; the provisioning task can be retried in Okta.`, {
    retryAfterSeconds: OUTAGE_RETRY_SECONDS,
  });

/** What Fastify and Nest refuse by themselves; Nest keeps only the status of such an error. */
const BY_STATUS: Readonly<Record<number, () => ScimError>> = {
  400: () =>
    ScimError.of(
      'invalidSyntax',
      'The request cannot be read: check that the URL is encoded correctly ("%" and two hexadecimal digits of valid UTF-8) and that the body is as long as Content-Length says.',
    ),
  404: () =>
    new ScimError(
      404,
      'There is nothing at this address. The SCIM endpoints are /Users, /Groups, /ServiceProviderConfig, /ResourceTypes and /Schemas below the base URL.',
    ),
  413: () =>
    new ScimError(
      413,
      `The request body is larger than ${LIMITS.bodyBytes / 1024 / 1024} MiB, which is the limit. Split it into several requests.`,
      { scimType: 'tooMany' },
    ),
  415: () => new ScimError(415, 'The Content-Type of the request must be application/scim+json or application/json.'),
};

const internal = (): ScimError =>
  new ScimError(500, 'Something failed on our side. Quote the X-Request-Id of this answer to StackFlow support.');

/** Turns whatever was thrown into a SCIM error; nothing internal (SQL, stack, names of hosts) gets out. */
export function toScimError(error: unknown): ScimError {
  if (error instanceof ScimError) return error;
  if (error instanceof SecretStoreUnavailable)
    return unavailable('The store of the SCIM tokens is not reachable, so the token cannot be checked.');
  if (isDatabaseOutage(error)) return unavailable('The database is not reachable at the moment.');
  const state = sqlState(error);
  if (state !== undefined) return fromPostgres(state);
  const status =
    error instanceof HttpException ? error.getStatus() : ((error ?? {}) as { statusCode?: unknown }).statusCode;
  if (typeof status !== 'number' || status < 400 || status >= 500) return internal();
  return BY_STATUS[status]?.() ?? new ScimError(status, 'The request is not well-formed HTTP for this endpoint.');
}

/** 40xxx, 55P03, 57014: given up because of others, so a repetition may work. 22xxx, 54xxx: a value that cannot be stored. */
function fromPostgres(state: string): ScimError {
  if (/^(40...|55P03|57014)$/.test(state))
    return unavailable('The request took too long, because others were changing the same data.');
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

@Catch()
export class ScimErrorFilter implements ExceptionFilter {
  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const error = toScimError(thrown);
    if (!(thrown instanceof ScimError) && error.status >= 500)
      this.platform.logger.error(
        { err: thrown, requestId: request.scim?.id, tenant: request.scim?.tenantId, code: `scim_${error.status}` },
        'SCIM request failed',
      );
    if (!reply.sent) sendScimError(reply, request, error);
  }
}

/** What never became a request: malformed HTTP, headers over the limit. Still JSON, because Okta parses every answer. */
export function rawScimError(status: number, reason: string, detail: string): string {
  const body = JSON.stringify(new ScimError(status, detail).body());
  return `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${SCIM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}
