/** `POST /auth/okta/obo/token`: the token endpoint of internal services. Answers as RFC 6749 section 5 and RFC 8693 say. */
import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PLATFORM, type PlatformContext } from '#platform';
import { record, type AuditEntry } from '../audit.js';
import { AuditBudget } from '../http/audit-budget.js';
import { Sites } from '../sites.js';
import { ClientAuthentication } from './client-authentication.js';
import { Exchange, type OboAnswer } from './exchange.js';
import { asOboError, OboError, type OboErrorCode } from './obo-error.js';
import { malformed, parametersOf, parseOboRequest } from './obo-request.js';

export const TOKEN_PATH = 'auth/okta/obo/token';
/** Anybody can have these, as often as he likes, and a client in a loop the last one. */
const CHEAP: ReadonlySet<OboErrorCode> = new Set([
  'malformed',
  'unsupported_grant',
  'unknown_site',
  'client_unknown',
  'assertion_invalid',
  'too_fast',
]);

interface Known {
  tenant?: string;
  client?: string;
}

@Controller(TOKEN_PATH)
export class OboController {
  private readonly outcomes;

  constructor(
    private readonly sites: Sites,
    private readonly authentication: ClientAuthentication,
    private readonly exchange: Exchange,
    private readonly budget: AuditBudget,
    @Inject(PLATFORM) private readonly platform: PlatformContext,
  ) {
    this.outcomes = platform.metrics.counter('auth_exchanges_total', 'Token exchanges, by how they ended', ['code']);
  }

  @Post()
  async token(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const known: Known = {};
    try {
      const answer = await this.answer(request, known);
      this.outcomes.inc({ code: 'ok' });
      // RFC 6749 section 5.1; `Cache-Control: no-store` has every answer of this service.
      await reply.status(200).header('pragma', 'no-cache').send(answer);
    } catch (error) {
      await this.refuse(reply, asOboError(error), known);
    }
  }

  /** Leaves in `known` what the audit of a refusal can say. */
  private async answer({ headers, body }: FastifyRequest, known: Known): Promise<OboAnswer> {
    const site = await this.sites.ofHost(headers.host);
    if (!site) throw new OboError('unknown_site', 'No StackFlow instance has this address.');
    known.tenant = site.tenant.tenantId;
    const form = parametersOf(body);
    if (!form) throw malformed('The body must be application/x-www-form-urlencoded.');
    const credentials = { authorization: headers.authorization, form };
    const client = await this.authentication.authenticate(credentials, `${site.origin}/${TOKEN_PATH}`);
    known.client = client.id;
    return this.exchange.exchange(site, client, parseOboRequest(form));
  }

  private async refuse(reply: FastifyReply, refused: OboError, { tenant, client }: Known): Promise<void> {
    const { code, status, error, description, retryAfterSeconds } = refused;
    const detail = { client, ...refused.detail };
    const { logger } = this.platform;
    this.outcomes.inc({ code });
    if (status === 500) logger.error({ tenant, err: refused, code, ...detail }, 'token exchange failed');
    else logger.warn({ tenant, code, ...detail }, 'token exchange refused');
    await this.audit({ event: 'exchange_refused', code, tenant, detail }, code).catch((failure: unknown) =>
      logger.error({ tenant, err: failure, code: 'audit_not_written' }, 'a refusal is missing in the audit'),
    );
    if (status === 401)
      void reply.header('www-authenticate', 'Basic realm="StackFlow token exchange", charset="UTF-8"');
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
    await reply.status(status).send({ error, error_description: description });
  }

  private audit(entry: AuditEntry, code: OboErrorCode): Promise<void> {
    return CHEAP.has(code) ? this.budget.record(entry) : record(this.platform.database, entry);
  }
}
