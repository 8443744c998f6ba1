/** Says no: a page for the person, a row for the audit, a number for the metrics, a line for the log. */
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { isDatabaseOutage, PLATFORM, type PlatformContext } from '#platform';
import { record, type AuditEntry } from '../audit.js';
import { AuditBudget } from './audit-budget.js';
import { PAGE_HEADERS, refusalPage } from './pages.js';
import { LoginRefused, refusalOf, type RefusalCode } from './refusals.js';

interface Where {
  readonly tenant: string | undefined;
  /** For the page's link; has passed `safeReturnTo`. */
  readonly returnTo: string | null;
  /** Whatever the reason: no login under way was needed to provoke it. */
  readonly anonymous?: boolean;
}

/** Anybody can have these, as often as he likes. */
const ANONYMOUS: ReadonlySet<RefusalCode> = new Set([
  'unknown_site',
  'sso_not_configured',
  'bad_return_to',
  'bad_callback',
  'login_expired',
]);

@Injectable()
export class Refuser {
  private readonly refusals;

  constructor(
    @Inject(PLATFORM) private readonly platform: PlatformContext,
    private readonly budget: AuditBudget,
  ) {
    this.refusals = platform.metrics.counter('auth_login_refusals_total', 'Logins that were refused', ['code']);
  }

  async refuse(reply: FastifyReply, error: unknown, { tenant, returnTo, anonymous = false }: Where): Promise<void> {
    const refused = asRefusal(error);
    const { code, detail } = refused;
    this.refusals.inc({ code });
    const reason = refused.cause instanceof Error ? refused.cause.message : undefined;
    const { logger } = this.platform;
    if (code === 'internal') logger.error({ tenant, err: error, code }, 'login failed');
    else logger.warn({ tenant, code, ...detail, reason }, 'login refused');
    // Without its row the refusal stands all the same.
    const cheap = anonymous || ANONYMOUS.has(code);
    await this.audit({ event: 'login_refused', code, tenant, detail }, cheap).catch((failure: unknown) =>
      logger.error({ tenant, err: failure, code: 'audit_not_written' }, 'a refusal is missing in the audit'),
    );
    const { status, ...refusal } = refusalOf(code);
    if (refusal.retrySeconds !== undefined) void reply.header('retry-after', String(refusal.retrySeconds));
    await reply.status(status).headers(PAGE_HEADERS).send(refusalPage(code, returnTo));
  }

  private audit(entry: AuditEntry, cheap: boolean): Promise<void> {
    return cheap ? this.budget.record(entry) : record(this.platform.database, entry);
  }
}

function asRefusal(error: unknown): LoginRefused {
  if (error instanceof LoginRefused) return error;
  if (isDatabaseOutage(error)) return new LoginRefused('exchange_unavailable', {}, { cause: error });
  return new LoginRefused('internal', {}, { cause: error });
}
