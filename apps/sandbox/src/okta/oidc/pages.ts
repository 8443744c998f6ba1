/**
 * The addresses that a browser visits: `/authorize`, the sign-in form and `/logout`. Errors that cannot be sent to the
 * client are shown on a page.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Logger } from '#platform';
import { PAGE_HEADERS } from '../../page.js';
import { errorPage, signedOutPage } from './html.js';
import { serverIds } from './model.js';
import { OAuthError } from './oauth-error.js';
import type { OidcProvider } from './provider.js';
import { serverAt } from './servers.js';
import { SignIn, type Shown } from './sign-in.js';
import { signOut } from './sign-out.js';

export function oidcPages(pages: FastifyInstance, oidc: OidcProvider, logger: Logger): void {
  const signIn = new SignIn(oidc);
  for (const id of serverIds) {
    const { path } = serverAt(id, '');
    pages.get(`${path}/authorize`, async (request, reply) =>
      show(reply, await signIn.authorize(id, request.query, request.headers.cookie), 302),
    );
    pages.get(`${path}/logout`, async (request, reply) => {
      const { location, cookie } = await signOut(oidc, id, request.query, request.headers.cookie);
      if (cookie !== null) void reply.header('set-cookie', cookie);
      return location === null ? send(reply, 200, signedOutPage()) : reply.redirect(location, 302);
    });
  }
  pages.post('/signin', async (request, reply) => show(reply, await signIn.enter(request.body), 303));

  pages.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    if (error instanceof OAuthError) return send(reply, 400, errorPage(error.code, error.message));
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ err: error }, 'sandbox OpenID provider failed');
    return send(reply, status, errorPage('server_error', status < 500 ? error.message : 'Internal Server Error'));
  });
}

/**
 * Sends a page or a redirect. After a submitted form, `redirect` is 303, so that the browser does not send the form's
 * data to the client.
 */
function show(reply: FastifyReply, shown: Shown, redirect: 302 | 303): FastifyReply {
  if ('html' in shown) return send(reply, shown.status, shown.html);
  if (shown.cookie !== undefined) void reply.header('set-cookie', shown.cookie);
  return reply.header('cache-control', 'no-store').redirect(shown.location, redirect);
}

const send = (reply: FastifyReply, status: number, html: string): FastifyReply =>
  reply.status(status).headers(PAGE_HEADERS).send(html);
