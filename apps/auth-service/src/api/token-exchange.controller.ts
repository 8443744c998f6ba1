/** `POST /auth/okta/obo/token`: the token endpoint for internal services (RFC 6749 section 5, RFC 8693). */
import { Controller, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Metrics } from '#platform';
import { RefusalRecorder } from '../audit/refusal-recorder.js';
import { ClientAuthentication } from '../exchange/client-authentication.js';
import { asExchangeError, ExchangeError, type ExchangeErrorCode } from '../exchange/exchange-error.js';
import { malformed, parametersOf, parseExchangeRequest, TOKEN_PATH } from '../exchange/exchange-request.js';
import { TokenExchange, type ExchangeAnswer } from '../exchange/token-exchange.js';
import { Sites } from '../http/sites.js';

/** Audit rows with these codes are rate-limited: anonymous callers, or a client in a loop, can trigger them at will. */
const RATE_LIMITED: ReadonlySet<ExchangeErrorCode> = new Set([
  'malformed',
  'unsupported_grant',
  'unknown_site',
  'client_unknown',
  'assertion_invalid',
  'too_fast',
]);

/** The tenant and the client, as soon as they are known. The audit row of a refusal contains them. */
interface Caller {
  tenant?: string;
  client?: string;
}

@Controller(TOKEN_PATH)
export class TokenExchangeController {
  private readonly outcomes;

  constructor(
    private readonly sites: Sites,
    private readonly authentication: ClientAuthentication,
    private readonly exchange: TokenExchange,
    private readonly refusals: RefusalRecorder,
    metrics: Metrics,
  ) {
    this.outcomes = metrics.counter('auth_exchanges_total', 'Token exchanges, by outcome', ['code']);
  }

  @Post()
  async token(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const caller: Caller = {};
    try {
      const answer = await this.answer(request, caller);
      this.outcomes.inc({ code: 'ok' });
      // RFC 6749 section 5.1 requires `Pragma`. Every response already has `Cache-Control: no-store`.
      await reply.status(200).header('pragma', 'no-cache').send(answer);
    } catch (error) {
      await this.refuse(reply, asExchangeError(error), caller);
    }
  }

  private async answer({ headers, body }: FastifyRequest, caller: Caller): Promise<ExchangeAnswer> {
    const site = await this.sites.ofHost(headers.host);
    if (!site) throw new ExchangeError('unknown_site', 'No StackFlow instance has this address.');
    caller.tenant = site.tenant.tenantId;
    const form = parametersOf(body);
    if (!form) throw malformed('The body must be application/x-www-form-urlencoded.');
    const credentials = { authorization: headers.authorization, form };
    const client = await this.authentication.authenticate(credentials, `${site.origin}/${TOKEN_PATH}`);
    caller.client = client.id;
    return this.exchange.exchange(site, client, parseExchangeRequest(form));
  }

  private async refuse(reply: FastifyReply, refused: ExchangeError, { tenant, client }: Caller): Promise<void> {
    const { code, status, error, description, retryAfterSeconds } = refused;
    this.outcomes.inc({ code });
    const entry = { event: 'exchange_refused', code, tenant, detail: { client, ...refused.detail } } as const;
    const rateLimited = RATE_LIMITED.has(code);
    await this.refusals.refused('token exchange', entry, { error: refused, failed: status === 500, rateLimited });
    if (status === 401)
      void reply.header('www-authenticate', 'Basic realm="StackFlow token exchange", charset="UTF-8"');
    if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
    await reply.status(status).send({ error, error_description: description });
  }
}
