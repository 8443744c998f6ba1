/** Signing in: the redirect to Okta, the session, and what a request must not be able to choose. */
import { begin, codeOn, SESSION } from '../support/auth-journey.js';
import { LOCAL } from '../support/auth.js';
import { world } from './world.js';

const { ada, back, browser, lastAudit, op, rig, signIn, tenant } = await world();

describe('a login', () => {
  it('redirects to Okta with PKCE, state, nonce and the exact redirect URI', async () => {
    const location = new URL(await begin(browser()));
    expect(location.origin + location.pathname).toBe(`${op.origin}/oauth2/v1/authorize`);
    const query = Object.fromEntries(location.searchParams);
    expect(query).toMatchObject({
      response_type: 'code',
      redirect_uri: `${LOCAL}/auth/okta/callback`,
      scope: 'openid profile email',
      code_challenge_method: 'S256',
    });
    for (const name of ['nonce', 'code_challenge'] as const) expect(query[name]).toMatch(/^[\w-]{43}$/);
    expect(query.state).toMatch(/^[\w-]{43,}$/);
  });

  it('carries itself through Okta in a state that nobody can read', async () => {
    const { state, nonce } = Object.fromEntries(new URL(await begin(browser())).searchParams);
    const bytes = Buffer.from(state ?? '', 'base64url').toString('latin1');
    for (const text of [nonce, tenant, LOCAL, op.origin, '/incidents/42']) expect(bytes).not.toContain(text);
  });

  it('has its own secrets, also in the same browser', async () => {
    const b = browser();
    const [one, two] = [new URL(await begin(b)).searchParams, new URL(await begin(b)).searchParams];
    for (const name of ['state', 'nonce', 'code_challenge']) expect(one.get(name)).not.toBe(two.get(name));
  });

  it('is bound to its browser by a cookie that lives as long as the state', async () => {
    const { cookies } = await browser().get('/auth/okta/login');
    expect(cookies).toEqual([
      expect.stringMatching(
        /^__Host-sf_login_[\w-]{8}=[\w-]{43}; Path=\/; Max-Age=600; Secure; HttpOnly; SameSite=Lax$/,
      ),
    ]);
  });

  it('ends at the path of returnTo, with a session', async () => {
    const b = browser();
    const answer = await signIn(b);
    expect([answer.status, answer.headers.location]).toEqual([303, '/incidents/42']);
    expect(answer.cookies).toEqual([
      expect.stringMatching(/^__Host-sf_session=[\w-]{43}; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Lax$/),
    ]);
    const session = await b.get('/auth/session');
    expect(session.status).toBe(200);
    expect(JSON.parse(session.body)).toMatchObject({
      account: { id: ada.id, userName: ada.userName },
      tenant: { id: tenant, slug: 'default' },
      roles: ['itsm_agent', 'viewer'],
      primaryRole: 'itsm_agent',
    });
    const { accessToken } = JSON.parse(session.body) as { accessToken: string };
    const claims = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as object;
    expect(claims).toMatchObject({
      token_use: 'access',
      username: ada.id,
      tenant_id: tenant,
      okta_sub: ada.externalId,
    });
    expect(await lastAudit()).toMatchObject({ event: 'login', account_id: ada.id, tenant });
  });

  it('stores no token in the audit or, unencrypted, with the session', async () => {
    const b = browser();
    await signIn(b);
    const stored = JSON.stringify([
      await rig.audit(),
      await rig.admin.query(
        `select id, tenant, encode(refresh_token, 'escape'), encode(id_token, 'escape') from auth.session`,
      ),
    ]);
    expect(stored).not.toMatch(/eyJ/);
    expect(stored).not.toContain(b.cookies.get(SESSION));
  });
});

describe('several logins at once', () => {
  it('succeed in one browser, in any order', async () => {
    const b = browser();
    const locations = [await begin(b, '/1'), await begin(b, '/2'), await begin(b, '/3')];
    const landed: (string | undefined)[] = [];
    for (const location of locations.reverse()) landed.push((await b.get(back(location))).headers.location);
    expect(landed).toEqual(['/3', '/2', '/1']);
    expect((await b.get('/auth/session')).status).toBe(200);
  });

  it('are independent in several browsers', async () => {
    const browsers = Array.from({ length: 4 }, () => browser());
    const answers = await Promise.all(browsers.map(signIn));
    expect(answers.map((a) => a.status)).toEqual([303, 303, 303, 303]);
    expect(new Set(browsers.map((b) => b.cookies.get(SESSION))).size).toBe(4);
  });
});

describe('returnTo', () => {
  it.each([
    '//evil.com',
    '/\\evil.com',
    '/%2f%2fevil.com',
    'https:evil.com',
    'https://evil.com',
    '/\t/evil.com',
    '/a\r\nX: 1',
  ])('%j is refused before the login begins', async (returnTo) => {
    const page = await browser().get(`/auth/okta/login?returnTo=${encodeURIComponent(returnTo)}`);
    expect([page.status, codeOn(page)]).toEqual([400, 'bad_return_to']);
    expect(page.headers.location).toBeUndefined();
    expect(await lastAudit()).toMatchObject({ event: 'login_refused', code: 'bad_return_to' });
  });

  it('is refused if it is repeated', async () => {
    expect(codeOn(await browser().get('/auth/okta/login?returnTo=/a&returnTo=//evil.com'))).toBe('bad_return_to');
  });

  it('is the front page by default', async () => {
    const b = browser();
    const { headers } = await b.get('/auth/okta/login');
    expect((await b.get(back(headers.location ?? ''))).headers.location).toBe('/');
  });
});

describe('headers of the request', () => {
  it('cannot change the redirect URI', async () => {
    const answer = await browser().get('/auth/okta/login', {
      'x-forwarded-host': 'evil.com',
      'x-forwarded-proto': 'gopher',
      'x-forwarded-prefix': '/evil',
      forwarded: 'host=evil.com',
      'x-original-url': '/evil',
    });
    expect(new URL(answer.headers.location ?? '').searchParams.get('redirect_uri')).toBe(`${LOCAL}/auth/okta/callback`);
  });

  it('with an unknown host are refused in an installation with several tenants', async () => {
    await rig.addTenant('gamma', 'gamma.example.com');
    const page = await browser('http://evil.com').get('/auth/okta/login');
    expect([page.status, codeOn(page)]).toEqual([404, 'unknown_site']);
    const forwarded = await browser('http://evil.com').get('/auth/okta/login', { 'x-forwarded-host': 'localhost' });
    expect(codeOn(forwarded)).toBe('unknown_site');
    const own = await browser('http://gamma.example.com:3000').get('/auth/okta/login');
    expect(new URL(own.headers.location ?? '').searchParams.get('redirect_uri')).toBe(
      'https://gamma.example.com/auth/okta/callback',
    );
  });
});

describe('session fixation', () => {
  it('is prevented: a cookie that the browser sent never becomes the session', async () => {
    const b = browser();
    const planted = 'A'.repeat(43);
    b.cookies.set(SESSION, planted);
    await signIn(b);
    expect(b.cookies.get(SESSION)).not.toBe(planted);
    const attacker = browser();
    attacker.cookies.set(SESSION, planted);
    expect((await attacker.get('/auth/session')).status).toBe(401);
  });

  it('is prevented: a new login ends the previous session of the browser', async () => {
    const b = browser();
    await signIn(b);
    const old = browser();
    old.cookies.set(SESSION, b.cookies.get(SESSION) ?? '');
    await signIn(b);
    expect((await old.get('/auth/session')).status).toBe(401);
    expect((await b.get('/auth/session')).status).toBe(200);
  });
});

describe('a flood of anonymous requests', () => {
  it('causes a limited number of audit rows, while refusals that need a login are always recorded', async () => {
    const b = browser();
    const count = async (code: string) => (await rig.audit('code = $1', [code])).length;
    const before = await count('bad_callback');
    for (let batch = 0; batch < 20; batch++)
      await Promise.all(Array.from({ length: 40 }, () => b.get('/auth/okta/callback?code=x')));
    const recorded = (await count('bad_callback')) - before;
    expect(recorded).toBeGreaterThan(50);
    expect(recorded).toBeLessThan(800);
    const [other, path] = [await count('other_browser'), back(await begin(b))];
    await browser().get(path);
    expect(await count('other_browser')).toBe(other + 1);
  }, 120_000);
});

describe('the page of a refusal', () => {
  it('has no script, loads nothing, and has a link to sign in again', async () => {
    const page = await browser().get('/auth/okta/callback?code=x');
    expect(page.headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; .*frame-ancestors 'none'$/,
    );
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    expect(page.body).toMatch(/<html lang="en">[\s\S]*<title>[^<]+<\/title>[\s\S]*<main>[\s\S]*<h1>/);
    expect(page.body).toContain('<a class="button" href="/auth/okta/login?returnTo=%2F">');
    expect(page.body).not.toMatch(/<script|src=|onload/);
  });
});
