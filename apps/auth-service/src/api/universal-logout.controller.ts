/** `POST /auth/okta/universal-logout`: Okta requests the end of all sessions and tokens of a person. */
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseOutage, LOGGER, Metrics, type Logger } from '#platform';
import { RefusalRecorder } from '../audit/refusal-recorder.js';
import { Sites, type Site } from '../http/sites.js';
import { LogoutError, type LogoutErrorCode } from '../logout/logout-error.js';
import { LOGOUT_PATH, UniversalLogout } from '../logout/universal-logout.js';

/** Audit rows with these codes are rate-limited: anonymous callers, or an org in a loop, can trigger them at will. */
const RATE_LIMITED: ReadonlySet<LogoutErrorCode> = new Set([
  'malformed',
  'token_missing',
  'token_refused',
  'not_configured',
  'unknown_site',
  'okta_unavailable',
  'too_fast',
]);

@Controller(LOGOUT_PATH)
export class UniversalLogoutController {
  private readonly outcomes;

  constructor(
    private readonly sites: Sites,
    private readonly logout: UniversalLogout,
    private readonly refusals: RefusalRecorder,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.outcomes = metrics.counter(
      'auth_universal_logouts_total',
      'Universal Logouts that Okta requested, by outcome',
      ['code'],
    );
  }

  /** Answers 204 when the logout is stored, not when it is complete (Global Token Revocation draft, section 5). */
  @Post()
  async revoke(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    let site: Site | null = null;
    try {
      site = await this.sites.ofHost(request.headers.host);
      if (!site) throw new LogoutError('unknown_site', 'No StackFlow instance has this address.');
      const accounts = await this.logout.carryOut(site, request.headers.authorization, request.body);
      this.outcomes.inc({ code: 'ok' });
      const about = { tenant: site.tenant.tenantId, accounts, code: 'universal_logout' };
      this.logger.info(about, 'Okta logged a person out everywhere');
      await reply.status(204).send();
    } catch (error) {
      await this.refuse(reply, asLogoutError(error), site?.tenant.tenantId);
    }
  }

  private async refuse(reply: FastifyReply, refused: LogoutError, tenant: string | undefined): Promise<void> {
    const { code, detail, status, sentence, retryAfterSeconds } = refused;
    this.outcomes.inc({ code });
    const entry = { event: 'universal_logout_refused', code, tenant, detail } as const;
    const rateLimited = RATE_LIMITED.has(code);
    await this.refusals.refused('Universal Logout', entry, { error: refused, failed: status === 500, rateLimited });
    // RFC 6750 section 3: the response to a request without a token contains no error code.
    const error = code === 'token_missing' ? '' : ', error="invalid_token"';
    if (status === 401) void reply.header('www-authenticate', `Bearer realm="StackFlow Universal Logout"${error}`);
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
    await reply
      .status(status)
      .type('application/problem+json')
      .send({ type: 'about:blank', status, code, detail: sentence });
  }
}

function asLogoutError(error: unknown): LogoutError {
  if (error instanceof LogoutError) return error;
  if (isDatabaseOutage(error))
    return new LogoutError(
      'unavailable',
      'A part of StackFlow cannot be reached. Send the request again.',
      {},
      { cause: error },
    );
  return new LogoutError('internal', 'Something failed on our side. The error is logged.', {}, { cause: error });
}
