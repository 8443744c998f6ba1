/** `/auth/okta/login` and `/auth/okta/callback`: the two endpoints that a browser visits during a login. */
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LOGGER, type Logger } from '#platform';
import {
  loginCookieName,
  random256,
  readCookie,
  readLoginCookies,
  SESSION_COOKIE,
  setCookie,
} from '../http/cookies.js';
import { RefusalPages } from '../http/refusal-pages.js';
import { LoginRefused } from '../http/refusals.js';
import { Sites, type Site } from '../http/sites.js';
import { LOGIN_SECONDS } from '../login/login-states.js';
import { LoginService, type Arrival } from '../login/login.service.js';
import { safeReturnTo } from '../login/return-to.js';
import { SessionService } from '../sessions/session.service.js';

@Controller('auth/okta')
export class LoginController {
  constructor(
    private readonly sites: Sites,
    private readonly login: LoginService,
    private readonly sessions: SessionService,
    private readonly refusals: RefusalPages,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Get('login')
  async begin(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    let arrival: Arrival | null = null;
    try {
      arrival = await this.arrival(request);
      // All logins in progress in one browser use the same cookie value, so reuse the value of an existing cookie.
      const browser = arrival.browser[0] ?? random256();
      const location = await this.login.begin(arrival, browser);
      await reply
        .header('set-cookie', setCookie(loginCookieName(browser), browser, LOGIN_SECONDS))
        .redirect(location, 302);
    } catch (error) {
      const { returnTo } = (arrival?.query ?? {}) as { returnTo?: unknown };
      const back = typeof returnTo === 'string' ? safeReturnTo(returnTo) : '/';
      const tenant = arrival?.site.tenant.tenantId;
      await this.refusals.send(reply, error, { tenant, returnTo: back, anonymous: true });
    }
  }

  @Get('callback')
  async callback(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    let site: Site | null = null;
    let returnTo = '/';
    try {
      const arrival = await this.arrival(request);
      site = arrival.site;
      const person = await this.login.complete(arrival, (attempt) => (returnTo = attempt.returnTo));
      await this.sessions.replaced(site, readCookie(request.headers.cookie, SESSION_COOKIE));
      const seconds = Math.floor((person.expiresAt.getTime() - Date.now()) / 1000);
      const { tenantId: tenant } = site.tenant;
      this.logger.info(
        { tenant, account: person.accountId, session: person.sessionId, code: 'login' },
        'a person signed in',
      );
      await reply.header('set-cookie', setCookie(SESSION_COOKIE, person.secret, seconds)).redirect(returnTo, 303);
    } catch (error) {
      await this.refusals.send(reply, error, { tenant: site?.tenant.tenantId, returnTo });
    }
  }

  private async arrival({ headers, query }: FastifyRequest): Promise<Arrival> {
    const site = await this.sites.ofHost(headers.host);
    if (!site) throw new LoginRefused('unknown_site');
    return { site, query: query as Record<string, unknown>, browser: readLoginCookies(headers.cookie) };
  }
}
