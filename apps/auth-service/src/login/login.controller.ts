/** `/auth/okta/login` and `/auth/okta/callback`: what a browser sees of signing in. */
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PLATFORM, type PlatformContext } from '#platform';
import { loginCookieName, readCookie, readLoginCookies, SESSION_COOKIE, setCookie } from '../http/cookies.js';
import { Refuser } from '../http/refuser.js';
import { SessionService } from '../sessions/session.service.js';
import { Sites, type Site } from '../sites.js';
import { LoginRefused } from '../http/refusals.js';
import { random256 } from './hardened-strategy.js';
import { LOGIN_SECONDS } from './login-states.js';
import { LoginService, type Arrival } from './login.service.js';
import { safeReturnTo } from './return-to.js';

@Controller('auth/okta')
export class LoginController {
  constructor(
    private readonly sites: Sites,
    private readonly login: LoginService,
    private readonly sessions: SessionService,
    private readonly refuser: Refuser,
    @Inject(PLATFORM) private readonly platform: PlatformContext,
  ) {}

  @Get('login')
  async begin(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    let arrival: Arrival | null = null;
    try {
      arrival = await this.arrival(request);
      // One value for all logins that this browser begins from now on: several can be on their way.
      const browser = arrival.browser[0] ?? random256();
      const location = await this.login.begin(arrival, browser);
      await reply
        .header('set-cookie', setCookie(loginCookieName(browser), browser, LOGIN_SECONDS))
        .redirect(location, 302);
    } catch (error) {
      const { returnTo } = (arrival?.query ?? {}) as { returnTo?: unknown };
      const back = typeof returnTo === 'string' ? safeReturnTo(returnTo) : '/';
      const tenant = arrival?.site.tenant.tenantId;
      await this.refuser.refuse(reply, error, { tenant, returnTo: back, anonymous: true });
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
      this.platform.logger.info(
        { tenant, account: person.accountId, session: person.sessionId, code: 'login' },
        'login',
      );
      await reply.header('set-cookie', setCookie(SESSION_COOKIE, person.secret, seconds)).redirect(returnTo, 303);
    } catch (error) {
      await this.refuser.refuse(reply, error, { tenant: site?.tenant.tenantId, returnTo });
    }
  }

  private async arrival({ headers, query }: FastifyRequest): Promise<Arrival> {
    const site = await this.sites.ofHost(headers.host);
    if (!site) throw new LoginRefused('unknown_site');
    return { site, query: query as Record<string, unknown>, browser: readLoginCookies(headers.cookie) };
  }
}
