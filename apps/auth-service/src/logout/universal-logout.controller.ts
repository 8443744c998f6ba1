/** `POST /auth/okta/universal-logout`: where Okta asks to end all sessions and tokens of a person. */
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isDatabaseOutage, PLATFORM, type PlatformContext } from '#platform';
import { record, type AuditEntry } from '../audit.js';
import { AuditBudget } from '../http/audit-budget.js';
import { Sites, type Site } from '../sites.js';
import { LogoutError, type LogoutErrorCode } from './logout-error.js';
import { PATH, UniversalLogout } from './universal-logout.js';

/** Anybody can have these, as often as he likes, and an org in a loop the last one. */
const CHEAP: ReadonlySet<LogoutErrorCode> = new Set([
  'malformed',
  'token_missing',
  'token_refused',
  'not_configured',
  'unknown_site',
  'okta_unavailable',
  'too_fast',
]);

@Controller(PATH)
export class UniversalLogoutController {
  private readonly outcomes;

  constructor(
    private readonly sites: Sites,
    private readonly logout: UniversalLogout,
    private readonly budget: AuditBudget,
    @Inject(PLATFORM) private readonly platform: PlatformContext,
  ) {
    this.outcomes = platform.metrics.counter(
      'auth_universal_logouts_total',
      'Universal Logouts that Okta asked for, by how they ended',
      ['code'],
    );
  }

  /** 204: it is durable and has begun, which is what the draft has it mean (section 5). */
  @Post()
  async revoke(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    let site: Site | null = null;
    try {
      site = await this.sites.ofHost(request.headers.host);
      if (!site) throw new LogoutError('unknown_site', 'No StackFlow instance has this address.');
      const accounts = await this.logout.carryOut(site, request.headers.authorization, request.body);
      this.outcomes.inc({ code: 'ok' });
      const about = { tenant: site.tenant.tenantId, accounts, code: 'universal_logout' };
      this.platform.logger.info(about, 'Okta has logged a person out everywhere');
      await reply.status(204).send();
    } catch (error) {
      await this.refuse(reply, asLogoutError(error), site?.tenant.tenantId);
    }
  }

  private async refuse(reply: FastifyReply, refused: LogoutError, tenant: string | undefined): Promise<void> {
    const { code, detail, status, sentence, retryAfterSeconds } = refused;
    const { logger } = this.platform;
    this.outcomes.inc({ code });
    if (status === 500) logger.error({ tenant, err: refused, code, ...detail }, 'Universal Logout failed');
    else logger.warn({ tenant, code, ...detail }, 'Universal Logout refused');
    await this.audit({ event: 'universal_logout_refused', code, tenant, detail }, code).catch((failure: unknown) =>
      logger.error({ tenant, err: failure, code: 'audit_not_written' }, 'a refusal is missing in the audit'),
    );
    // RFC 6750 section 3: what is missing has no error code.
    const error = code === 'token_missing' ? '' : ', error="invalid_token"';
    if (status === 401) void reply.header('www-authenticate', `Bearer realm="StackFlow Universal Logout"${error}`);
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
    await reply
      .status(status)
      .type('application/problem+json')
      .send({ type: 'about:blank', status, code, detail: sentence });
  }

  private audit(entry: AuditEntry, code: LogoutErrorCode): Promise<void> {
    return CHEAP.has(code) ? this.budget.record(entry) : record(this.platform.database, entry);
  }
}

function asLogoutError(error: unknown): LogoutError {
  if (error instanceof LogoutError) return error;
  if (isDatabaseOutage(error))
    return new LogoutError('unavailable', 'A part of StackFlow is not reachable; send it again.', {}, { cause: error });
  return new LogoutError('internal', 'Something failed on our side; it is logged.', {}, { cause: error });
}
