/** `/auth/session`, `/auth/refresh` and `/auth/logout`: the session endpoints for pages of the tenant's own origin. */
import { Controller, Get, HttpCode, HttpStatus, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform';
import { RefusalRecorder } from '../audit/refusal-recorder.js';
import { readCookie, SESSION_COOKIE, setCookie } from '../http/cookies.js';
import { isSameOrigin } from '../http/same-origin.js';
import { Sites, type Site } from '../http/sites.js';
import { SessionService, type SessionView } from '../sessions/session.service.js';

@Controller('auth')
export class BrowserSessionsController {
  constructor(
    private readonly sites: Sites,
    private readonly sessions: SessionService,
    private readonly refusals: RefusalRecorder,
  ) {}

  @Get('session')
  async session(@Req() request: FastifyRequest): Promise<SessionView> {
    return this.sessions.view(await this.site(request), secretOf(request));
  }

  @Post('refresh')
  @HttpCode(HttpStatus.OK)
  async refresh(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<SessionView> {
    const site = await this.ownSite(request);
    const { secret, expiresAt, view } = await this.sessions.refresh(site, secretOf(request));
    const seconds = Math.max(1, Math.floor((expiresAt.getTime() - Date.now()) / 1000));
    void reply.header('set-cookie', setCookie(SESSION_COOKIE, secret, seconds));
    return view;
  }

  @Post('logout')
  @HttpCode(HttpStatus.OK)
  async logout(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<{ oktaLogoutUrl: string | null }> {
    const site = await this.ownSite(request);
    const { okta } = request.query as { okta?: unknown };
    const answer = await this.sessions.logout(site, secretOf(request), okta === 'true');
    void reply.header('set-cookie', setCookie(SESSION_COOKIE, '', 0));
    return answer;
  }

  private async site({ headers }: FastifyRequest): Promise<Site> {
    const site = await this.sites.ofHost(headers.host);
    if (site) return site;
    await this.refusals.rateLimited({ event: 'request_refused', code: 'unknown_site' });
    throw new Problem('not_found', 'No StackFlow instance has this address.');
  }

  private async ownSite(request: FastifyRequest): Promise<Site> {
    const site = await this.site(request);
    if (isSameOrigin(request.headers, site.origin)) return site;
    await this.refusals.rateLimited({ event: 'request_refused', code: 'cross_origin', tenant: site.tenant.tenantId });
    throw new Problem('forbidden', `Only pages of ${site.origin} may send this request.`);
  }
}

const secretOf = (request: FastifyRequest): string | null => readCookie(request.headers.cookie, SESSION_COOKIE);
