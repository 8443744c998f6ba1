/** The well-known attacks on a login: each is refused and recorded in the audit. The other specs test each in more detail. */
import { Browser } from '../support/auth-browser.js';
import { begin, codeOn, SESSION } from '../support/auth-journey.js';
import { LOCAL } from '../support/auth.js';
import { world } from './world.js';

const { ada, back, browser, lastAudit, op, rig, signIn, tenant } = await world();
// A second tenant, because the only tenant of an installation has every host name. Its issuer does not exist.
await rig.addTenant('beta', 'beta.example.com', 'https://acme.okta.com/oauth2/aus404');

const count = async (code: string): Promise<number> => (await rig.audit('code = $1', [code])).length;
const stateOf = (location: string): string => new URL(location).searchParams.get('state') ?? '';

describe('a code', () => {
  it('that was used is refused even with a new state', async () => {
    const b = browser();
    const [first, second] = [await begin(b), await begin(b)];
    const { code, state } = op.authorize(first);
    expect((await b.get(`/auth/okta/callback?code=${code}&state=${state}`)).status).toBe(303);
    await b.get(`/auth/okta/callback?code=${code}&state=${stateOf(second)}`);
    expect(await lastAudit()).toMatchObject({ event: 'login_refused', code: 'code_refused', tenant });
  });

  it('from another browser is refused (injection)', async () => {
    const [victim, attacker] = [browser(), browser()];
    const { code } = op.authorize(await begin(victim));
    const own = stateOf(await begin(attacker));
    expect(codeOn(await attacker.get(`/auth/okta/callback?code=${code}&state=${own}`))).toBe('code_refused');
    expect(await lastAudit()).toMatchObject({ event: 'login_refused', code: 'code_refused', tenant });
  });
});

describe('a mix-up', () => {
  it('is refused when another issuer responds', async () => {
    const b = browser();
    expect(codeOn(await b.get(back(await begin(b), { iss: 'https://evil.okta.com' })))).toBe('mix_up');
    expect(await lastAudit()).toMatchObject({ event: 'login_refused', code: 'mix_up', tenant });
  });

  it('is refused when the response lacks the issuer that the provider announced (RFC 9207)', async () => {
    op.metadata = (regular) => ({ ...regular, authorization_response_iss_parameter_supported: true });
    const fresh = await rig.startService();
    const b = new Browser(fresh.url, LOCAL);
    const page = await b.get(back(await begin(b)));
    expect([page.status, codeOn(page)]).toEqual([403, 'mix_up']);
    expect(await lastAudit()).toMatchObject({ event: 'login_refused', code: 'mix_up' });
    expect((await b.get(back(await begin(b), { iss: op.origin }))).status).toBe(303);
    await fresh.stop();
  });
});

describe('a session cookie that was planted (fixation)', () => {
  it('has no effect, and the login that met it records it', async () => {
    const b = browser();
    b.cookies.set(SESSION, 'A'.repeat(43));
    expect((await signIn(b)).status).toBe(303);
    expect((await rig.audit(`code = 'unknown_session'`)).at(-1)).toMatchObject({ event: 'request_refused', tenant });
    const attacker = browser();
    attacker.cookies.set(SESSION, 'A'.repeat(43));
    expect((await attacker.get('/auth/session')).status).toBe(401);
  });

  it("from the attacker's own session ends that session", async () => {
    const attacker = browser();
    await signIn(attacker);
    const victim = browser();
    victim.cookies.set(SESSION, attacker.cookies.get(SESSION) ?? '');
    await signIn(victim);
    expect((await rig.audit(`code = 'replaced_by_login'`)).at(-1)).toMatchObject({ event: 'session_ended', tenant });
    expect((await attacker.get('/auth/session')).status).toBe(401);
    expect((await victim.get('/auth/session')).status).toBe(200);
  });
});

describe('an unknown Host', () => {
  it.each([
    'evil.com',
    'beta.example.com.evil.com',
    'localhost.evil.com',
    'beta.example.com@evil.com',
    'beta.example.com, evil.com',
  ])('%j is refused everywhere', async (host) => {
    const b = browser();
    await signIn(b);
    const [refusedLogins, refusedRequests] = [await audits('login_refused'), await audits('request_refused')];
    const answers = [
      await b.get('/auth/okta/login', { host, 'x-forwarded-host': 'localhost:8080' }),
      await b.get('/auth/okta/callback?code=x&state=y', { host }),
      await b.get('/auth/session', { host, forwarded: 'host=localhost:8080' }),
      await b.post('/auth/refresh', { host, origin: `http://${host}` }),
      await b.post('/auth/logout', { host, origin: `http://${host}` }),
    ];
    expect(answers.map((a) => [a.status, a.headers['set-cookie']])).toEqual(answers.map(() => [404, undefined]));
    expect(answers.map((a) => a.body).join()).not.toContain('evil');
    expect(await audits('login_refused')).toBe(refusedLogins + 2);
    expect(await audits('request_refused')).toBe(refusedRequests + 3);
    expect((await b.get('/auth/session')).status).toBe(200);
  });
  const audits = async (event: string): Promise<number> =>
    (await rig.audit(`event = $1 and code = 'unknown_site'`, [event])).length;

  it('in forwarding headers changes no address that the service redirects to', async () => {
    const forged = { 'x-forwarded-host': 'evil.com', 'x-forwarded-port': '1', forwarded: 'host=evil.com;proto=gopher' };
    const b = browser();
    const { headers } = await b.get('/auth/okta/login', forged);
    expect(new URL(headers.location ?? '').searchParams.get('redirect_uri')).toBe(`${LOCAL}/auth/okta/callback`);
    expect((await b.get(back(headers.location ?? ''), forged)).headers.location).toBe('/');
    const out = JSON.parse((await b.post('/auth/logout?okta=true', forged)).body) as { oktaLogoutUrl: string };
    expect(new URL(out.oktaLogoutUrl).searchParams.get('post_logout_redirect_uri')).toBe(`${LOCAL}/`);
  });
});

describe('other claims of the ID token', () => {
  it('give no role', async () => {
    op.claims = { groups: ['StackFlow-Admins'], roles: ['super_admin'], 'custom:role': 'super_admin', tenant_id: 'x' };
    const b = browser();
    await signIn(b);
    const session = JSON.parse((await b.get('/auth/session')).body) as { roles: string[]; accessToken: string };
    expect(session.roles).toEqual(ada.roles);
    const claims = Buffer.from(session.accessToken.split('.')[1] ?? '', 'base64url').toString();
    expect(claims).not.toContain('super_admin');
    expect(JSON.parse(claims)).toMatchObject({ tenant_id: tenant });
  });

  it('open no account by an e-mail address, and the audit names the account that has it', async () => {
    op.sub = '00u1newcomer';
    op.claims = { email: ada.email?.toUpperCase() };
    const page = await signIn(browser());
    expect([page.status, codeOn(page)]).toEqual([403, 'other_okta_user']);
    expect(await lastAudit()).toMatchObject({
      event: 'login_refused',
      code: 'other_okta_user',
      detail: { oktaSub: '00u1newcomer', namesake: ada.id },
    });
    op.claims = { email: ['a', 'list'], preferred_username: ada.userName };
    expect(codeOn(await signIn(browser()))).toBe('unknown_person');
  });
});

it('records a limited number of failed logins when the provider is broken', async () => {
  const b = browser('https://beta.example.com');
  expect(codeOn(await b.get('/auth/okta/login'))).toBe('okta_error');
  const before = await count('okta_error');
  for (let batch = 0; batch < 20; batch++)
    await Promise.all(Array.from({ length: 40 }, () => b.get('/auth/okta/login')));
  const recorded = (await count('okta_error')) - before;
  expect(recorded).toBeGreaterThan(0);
  expect(recorded).toBeLessThan(800);
}, 120_000);
