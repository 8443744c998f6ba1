/**
 * The relying party with npm `oidc-provider`, a certified implementation by others. It requires PKCE and has its own sign-in
 * and consent pages, RFC 9207, and its own ID tokens. So an error that our code shares with our stand-ins shows here.
 */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import { exportJWK } from 'jose';
import Provider from 'oidc-provider';
import { Browser } from '../support/auth-browser.js';
import { CLIENT_ID, CLIENT_SECRET } from '../support/auth-provider.js';
import { begin, codeOn, SESSION } from '../support/auth-journey.js';
import type { Person } from '../support/auth-people.js';
import { AuthRig, LOCAL, type Instance } from '../support/auth.js';

let server: Server;
let issuer: string;
let rig: AuthRig;
let service: Instance;
let ada: Person;

/** A new provider, with a new signing key and without earlier state. */
async function provide(client: object = {}): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: CLIENT_SECRET,
        redirect_uris: [`${LOCAL}/auth/okta/callback`],
        post_logout_redirect_uris: [`${LOCAL}/`],
        grant_types: ['authorization_code'],
        response_types: ['code'],
        token_endpoint_auth_method: 'client_secret_basic',
        id_token_signed_response_alg: 'RS256',
        ...client,
      },
    ],
    pkce: { required: () => true },
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: randomUUID(), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    features: { devInteractions: { enabled: true } },
    scopes: ['openid', 'profile', 'email'],
  });
  server.removeAllListeners('request').on('request', provider.callback());
}

async function startProvider(): Promise<void> {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await provide();
}

beforeAll(async () => {
  // The provider warns about its test configuration.
  for (const name of ['warn', 'info'] as const) jest.spyOn(console, name).mockImplementation(() => undefined);
  await startProvider();
  rig = await AuthRig.start(issuer);
  service = await rig.startService();
  ada = await rig.addPerson(await rig.addTenant('default', null));
}, 120_000);
afterAll(async () => {
  jest.restoreAllMocks();
  await rig.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Acts as the person at the provider's pages: follows redirects, signs in, consents. Answers the path of the callback. */
async function atProvider(location: string, login: string | null): Promise<string> {
  const cookies = new Map<string, string>();
  const visit = async (url: string, form?: Record<string, string>): Promise<Response> => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join('; ') },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]?.split('=') ?? [];
      cookies.set(name, value);
    }
    return response;
  };
  let next = location;
  for (let step = 0; step < 12; step++) {
    if (next.startsWith(LOCAL)) return next.slice(LOCAL.length);
    let response = await visit(next);
    if (response.status === 200) {
      const html = await response.text();
      const prompt = /name="prompt" value="(\w+)"/.exec(html)?.[1] ?? '';
      const abort = /href="([^"]*\/abort)"/.exec(html)?.[1];
      response =
        login === null && abort
          ? await visit(new URL(abort, next).href)
          : await visit(next, prompt === 'login' ? { prompt, login: login ?? '', password: 'x' } : { prompt });
    }
    next = new URL(response.headers.get('location') ?? '', next).href;
  }
  throw new Error(`the provider did not redirect to the callback: ${next}`);
}

it('signs a person in', async () => {
  const b = new Browser(service.url, LOCAL);
  const back = await atProvider(await begin(b), ada.externalId);
  expect(new URL(back, LOCAL).searchParams.get('iss')).toBe(issuer);
  const answer = await b.get(back);
  expect([answer.status, answer.headers.location]).toEqual([303, '/incidents/42']);
  expect(JSON.parse((await b.get('/auth/session')).body)).toMatchObject({ account: { id: ada.id } });
});

it('refuses a callback without the issuer, which this provider always sends', async () => {
  const b = new Browser(service.url, LOCAL);
  const back = new URL(await atProvider(await begin(b), ada.externalId), LOCAL);
  back.searchParams.delete('iss');
  expect(codeOn(await b.get(back.pathname + back.search))).toBe('mix_up');
});

it('shows a page when the person declined', async () => {
  const b = new Browser(service.url, LOCAL);
  const page = await b.get(await atProvider(await begin(b), null));
  expect([page.status, codeOn(page)]).toEqual([403, 'okta_denied']);
  expect(b.cookies.has(SESSION)).toBe(false);
});

it('refuses a code that was used before', async () => {
  const b = new Browser(service.url, LOCAL);
  const [first, second] = [await begin(b), await begin(b)];
  const back = new URL(await atProvider(first, ada.externalId), LOCAL);
  expect((await b.get(back.pathname + back.search)).status).toBe(303);
  back.searchParams.set('state', new URL(second).searchParams.get('state') ?? '');
  expect(codeOn(await b.get(back.pathname + back.search))).toBe('code_refused');
});

/** Sends the code of one login with the state of another login of the same browser. */
it('refuses the code of another login because of PKCE', async () => {
  const b = new Browser(service.url, LOCAL);
  const [first, second] = [await begin(b), await begin(b)];
  const back = new URL(await atProvider(first, ada.externalId), LOCAL);
  back.searchParams.set('state', new URL(second).searchParams.get('state') ?? '');
  expect(codeOn(await b.get(back.pathname + back.search))).toBe('code_refused');
});

it('refuses the ID token of another login because of the nonce', async () => {
  const b = new Browser(service.url, LOCAL);
  const location = new URL(await begin(b));
  location.searchParams.set('nonce', 'a nonce of another login');
  expect(codeOn(await b.get(await atProvider(location.href, ada.externalId)))).toBe('token_refused');
  const refusals = await rig.audit(`event = 'login_refused'`);
  expect(refusals.at(-1)).toMatchObject({ code: 'token_refused', detail: { oidc: 'nonce_mismatch' } });
  expect(b.cookies.has(SESSION)).toBe(false);
});

it('requests the time of authentication and accepts a recent one', async () => {
  const strict = await rig.startService({ SSO_MAX_AUTH_AGE_MINUTES: '60' });
  const b = new Browser(strict.url, LOCAL);
  const location = await begin(b);
  expect(new URL(location).searchParams.get('max_age')).toBe('3600');
  expect((await b.get(await atProvider(location, ada.externalId))).status).toBe(303);
  await strict.stop();
});

it('ends the session at the provider as well', async () => {
  const b = new Browser(service.url, LOCAL);
  await b.get(await atProvider(await begin(b), ada.externalId));
  const { oktaLogoutUrl } = JSON.parse((await b.post('/auth/logout?okta=true')).body) as { oktaLogoutUrl: string };
  const page = await fetch(oktaLogoutUrl);
  expect(page.status).toBe(200);
  expect(await page.text()).toContain('logout');
});

describe('a provider that changes', () => {
  it('may rotate its signing key between two logins', async () => {
    const b = new Browser(service.url, LOCAL);
    await provide();
    expect((await b.get(await atProvider(await begin(b), ada.externalId))).status).toBe(303);
  });

  it('with a new client secret causes a page that names the reason', async () => {
    const b = new Browser(service.url, LOCAL);
    await provide({ client_secret: 'another secret of its own, long enough' });
    const page = await b.get(await atProvider(await begin(b), ada.externalId));
    expect([page.status, codeOn(page)]).toEqual([502, 'client_refused']);
    expect(b.cookies.has(SESSION)).toBe(false);
  });
});
