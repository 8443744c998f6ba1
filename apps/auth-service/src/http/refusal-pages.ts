/** Answers a refused login with a page and records the refusal. */
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { isDatabaseOutage, Metrics } from '#platform';
import { RefusalRecorder } from '../audit/refusal-recorder.js';
import { PAGE_HEADERS, refusalPage } from './pages.js';
import { LoginRefused, refusalOf, type RefusalCode } from './refusals.js';

interface Where {
  readonly tenant: string | undefined;
  /** The path for the page's link, a result of `safeReturnTo`. */
  readonly returnTo: string | null;
  /** True if an anonymous caller can repeat the request at will, because the request needs no login in progress. */
  readonly anonymous?: boolean;
}

/** Audit rows with these codes are rate-limited, because anonymous callers can trigger the codes at will. */
const ANONYMOUS: ReadonlySet<RefusalCode> = new Set([
  'unknown_site',
  'sso_not_configured',
  'bad_return_to',
  'bad_callback',
  'login_expired',
]);

@Injectable()
export class RefusalPages {
  private readonly refusals;

  constructor(
    metrics: Metrics,
    private readonly recorder: RefusalRecorder,
  ) {
    this.refusals = metrics.counter('auth_login_refusals_total', 'Logins that were refused', ['code']);
  }

  async send(reply: FastifyReply, error: unknown, { tenant, returnTo, anonymous = false }: Where): Promise<void> {
    const refused = asRefusal(error);
    const { code, detail } = refused;
    this.refusals.inc({ code });
    const failed = code === 'internal';
    const rateLimited = anonymous || ANONYMOUS.has(code);
    const entry = { event: 'login_refused', code, tenant, detail } as const;
    await this.recorder.refused('login', entry, { error: refused, failed, rateLimited });
    const { status, retrySeconds } = refusalOf(code);
    if (retrySeconds !== undefined) void reply.header('retry-after', String(retrySeconds));
    await reply.status(status).headers(PAGE_HEADERS).send(refusalPage(code, returnTo));
  }
}

function asRefusal(error: unknown): LoginRefused {
  if (error instanceof LoginRefused) return error;
  if (isDatabaseOutage(error)) return new LoginRefused('exchange_unavailable', {}, { cause: error });
  return new LoginRefused('internal', {}, { cause: error });
}
