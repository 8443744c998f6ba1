/**
 * A sign-in in a real browser at npm `oidc-provider`, an OpenID provider of other authors, with its own pages, cookies
 * and redirects. auth-service runs behind the edge. Only the page where the sign-in ends belongs to the test.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import { decodeJwt, exportJWK } from 'jose';
import Provider from 'oidc-provider';
import type { Browser } from 'playwright-core';
import { startEdge, type Edge, type Route } from '../../tools/local/edge.js';
import { CLIENT_ID, CLIENT_SECRET } from '../support/auth-provider.js';
import { AuthRig } from '../support/auth.js';
import { inBrowser, launch } from './chromium.js';
import { Person } from './person.js';

const LIMIT_MS = 120_000;
const servers: Server[] = [];

async function serve(listener?: RequestListener): Promise<{ server: Server; origin: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Listens at its issuer's address already, because the stack needs that address. */
async function openProvider(server: Server, issuer: string, origin: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${origin}/auth/okta/callback`],
        post_logout_redirect_uris: [`${origin}/`],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
        id_token_signed_response_alg: 'RS256',
      },
    ],
    pkce: { required: () => true },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'op', alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    features: { devInteractions: { enabled: true } },
    scopes: ['openid', 'profile', 'email'],
  });
  server.on('request', provider.callback());
}

inBrowser('signing in at oidc-provider with a browser (skipped without Chromium)', () => {
  let rig: AuthRig;
  let edge: Edge;
  let browser: Browser;
  let tenant: string;

  beforeAll(async () => {
    // It warns that it is configured for a test.
    for (const name of ['warn', 'info'] as const) jest.spyOn(console, name).mockImplementation(() => undefined);
    const landing = await serve((_request, response) => {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end('<!doctype html><title>Landed</title><h1>Landed</h1>');
    });
    const provider = await serve();
    const routes: Route[] = ['/', '/incidents'].map((prefix) => ({
      prefix,
      exact: prefix === '/',
      upstream: landing.origin,
      errors: 'problem',
    }));
    edge = await startEdge(routes, 0);
    await openProvider(provider.server, provider.origin, edge.origin);
    [rig, browser] = await Promise.all([AuthRig.start(provider.origin), launch()]);
    const service = await rig.startService({ PUBLIC_ORIGIN: edge.origin });
    routes.push({ prefix: '/auth', upstream: service.url, errors: 'problem' });
    tenant = await rig.addTenant('default', null);
  }, LIMIT_MS);
  afterAll(async () => {
    jest.restoreAllMocks();
    await (browser as Browser | undefined)?.close();
    await (rig as AuthRig | undefined)?.close();
    await (edge as Edge | undefined)?.stop();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  it(
    'returns to the first page, with the role claims of the account, and can sign out again',
    async () => {
      const ada = await rig.addPerson(tenant, { roles: ['itsm_manager'], primaryRole: 'itsm_manager' });
      await rig.people.addToGroup(ada, 'itsm_manager');
      const person = await Person.before(browser, edge.origin);
      const path = '/incidents/42?view=all#comments';
      const tab = await person.open(`/auth/okta/login?returnTo=${encodeURIComponent(path)}`);
      await tab.getByPlaceholder('Enter any login').fill(ada.externalId ?? '');
      await tab.getByPlaceholder('and password').fill('any');
      await tab.getByRole('button', { name: 'Sign-in' }).click();
      await tab.getByRole('button', { name: 'Continue' }).click();
      await tab.getByRole('heading', { name: 'Landed' }).waitFor();
      expect(tab.url()).toBe(edge.origin + path);

      const session = await person.session(tab);
      expect(session).toMatchObject({ account: { id: ada.id }, roles: ['itsm_manager'], primaryRole: 'itsm_manager' });
      expect(decodeJwt(session?.accessToken ?? '')).toMatchObject({
        username: ada.id,
        'cognito:groups': ['itsm_manager'],
        roles: ['itsm_manager'],
        tenant_id: tenant,
      });

      const { body } = await person.ask(tab, 'POST', '/auth/logout?okta=true');
      await tab.goto((body as { oktaLogoutUrl: string }).oktaLogoutUrl);
      await tab.getByRole('button', { name: 'Yes, sign me out' }).click();
      await tab.waitForURL(`${edge.origin}/`);
      expect(await person.session(tab)).toBeNull();
      await person.leave();
    },
    LIMIT_MS,
  );

  it(
    'shows a page if the person declines at the provider',
    async () => {
      const person = await Person.before(browser, edge.origin);
      const tab = await person.open('/auth/okta/login');
      await tab.getByRole('link', { name: 'Cancel' }).click();
      await tab.getByText('Code: okta_denied').waitFor();
      expect(person.faults).toEqual([]);
      await person.leave();
    },
    LIMIT_MS,
  );
});
