import { createHash } from 'node:crypto';
import { OktaBrowser } from '../support/okta-browser.js';
import { REDIRECT_URI, RelyingParty } from './relying-party.js';
import { ScimRecorder } from '../support/scim-recorder.js';
import { control, startSandbox, type RunningSandbox } from '../support/sandbox.js';

let running: RunningSandbox;
let scim: ScimRecorder;
beforeAll(async () => {
  [running, scim] = await Promise.all([startSandbox(), ScimRecorder.start()]);
});
afterAll(async () => {
  await running.stop();
  await scim.stop();
});

const ANNA = 'anna@example.com';
let tenant = 0;
let rp: RelyingParty;

const connect = async (): Promise<string> => {
  const slug = `sign-in-${++tenant}`;
  await control(running.sandbox.endpoints.okta, 'PUT', `apps/${slug}`, { scimBaseUrl: scim.baseUrl, token: 't' });
  return slug;
};
const run = (verb: string, login = ANNA) => rp.ask('POST', verb, { login });

/** A fresh org with a client and Anna in it. */
beforeEach(async () => {
  rp = await RelyingParty.register(running, await connect());
  await run('assign');
});

describe('the sign-in page', () => {
  const page = async (browser = new OktaBrowser(), change = {}): Promise<string> =>
    (await browser.visit(rp.authorizeUrl(change).url)).text();

  it('lists exactly the active people of the org who have the app', async () => {
    for (const login of ['ben@example.com', 'cleo@example.com', 'dora@example.com']) await run('assign', login);
    await run('unassign', 'ben@example.com');
    await run('suspend', 'cleo@example.com');
    await run('deactivate', 'dora@example.com');
    const html = await page();
    expect([...html.matchAll(/<button name="username" value="([^"]+)"/g)].map((m) => m[1])).toEqual([ANNA]);
    expect(await page(new OktaBrowser(), { login_hint: 'a"<b>' })).toContain('value="a&quot;&lt;b&gt;"');
  });

  it('is plain HTML that other pages cannot frame, style or script', async () => {
    const response = await new OktaBrowser().visit(rp.authorizeUrl().url);
    const [html, policy] = [await response.text(), response.headers.get('content-security-policy') ?? ''];
    const style = /<style>([^]*)<\/style>/.exec(html)?.[1] ?? '';
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    for (const rule of ["default-src 'none'", "frame-ancestors 'none'"]) expect(policy).toContain(rule);
    expect([response.headers.get('cache-control'), html]).toEqual([
      'no-store',
      expect.not.stringMatching(/<script| on\w+=/),
    ]);
    expect(html).toMatch(/<html lang="en">[^]*<h1>[^]*<label for="username">[^]*<input id="username"/);
  });

  it.each(['suspend', 'deactivate'])('refuses everybody after "%s"', async (verb) => {
    await run(verb);
    const browser = new OktaBrowser();
    const refused = await browser.enter(rp.origin, await page(browser), ANNA);
    expect([refused.status, browser.cookies.size]).toEqual([401, 0]);
    expect(await refused.text()).toContain('Unable to sign in');
  });

  it('refuses a person who is unknown to the org, and allows another try on the same page', async () => {
    const other = await RelyingParty.register(running, await connect());
    await other.ask('POST', 'assign', { login: 'eve@example.com' });
    const browser = new OktaBrowser();
    const html = await page(browser);
    for (const login of ['eve@example.com', '', "' or 1=1 --"])
      expect((await browser.enter(rp.origin, html, login)).status).toBe(401);
    expect((await browser.enter(rp.origin, html, '\0')).status).toBe(400);
    expect((await browser.enter(rp.origin, html, ` ${ANNA.toUpperCase()} `)).status).toBe(303);
    const again = await browser.enter(rp.origin, html, ANNA);
    expect([again.status, await again.text()]).toEqual([400, expect.stringContaining('expired')]);
  });

  it('signs in once if the form is sent several times concurrently', async () => {
    const html = await page();
    const answers = await Promise.all(Array.from({ length: 5 }, () => new OktaBrowser().enter(rp.origin, html, ANNA)));
    expect(answers.map((a) => a.status).sort()).toEqual([303, 400, 400, 400, 400]);
  });

  it('sends access_denied to the client for people without the app', async () => {
    await run('unassign');
    expect((await rp.signIn(ANNA)).params).toMatchObject({
      error: 'access_denied',
      error_description: 'User is not assigned to the client application.',
    });
  });
});

describe('the session with the org', () => {
  it('skips the page at the second login, unless the client requires it', async () => {
    const browser = new OktaBrowser();
    await rp.signIn(ANNA, {}, browser);
    expect((await rp.signIn('', { prompt: 'none' }, browser)).params).toHaveProperty('code');
    expect((await rp.at('default').signIn('', { max_age: '3600' }, browser)).params).toHaveProperty('code');
    for (const change of [{ prompt: 'login' }, { max_age: '0' }] as Record<string, string>[])
      expect((await browser.visit(rp.authorizeUrl(change).url)).status).toBe(200);
    expect((await rp.signIn('', { prompt: 'none', max_age: '0' }, browser)).params.error).toBe('login_required');
    expect((await rp.signIn(ANNA, { prompt: 'login' }, browser)).params).toHaveProperty('code');
  });

  it('is separate for each org', async () => {
    const browser = new OktaBrowser();
    await rp.signIn(ANNA, {}, browser);
    const other = await RelyingParty.register(running, await connect());
    expect((await other.signIn('', { prompt: 'none' }, browser)).params.error).toBe('login_required');
    const [[name, value] = ['', '']] = browser.cookies;
    browser.cookies.set(name.replace(rp.slug, other.slug), value);
    expect((await other.signIn('', { prompt: 'none' }, browser)).params.error).toBe('login_required');
  });

  it('ends with a suspension, and stays ended after the suspension', async () => {
    const browser = new OktaBrowser();
    await rp.signIn(ANNA, {}, browser);
    await run('suspend');
    expect((await rp.signIn('', { prompt: 'none' }, browser)).params.error).toBe('login_required');
    await run('unsuspend');
    expect((await rp.signIn('', { prompt: 'none' }, browser)).params.error).toBe('login_required');
  });

  it('ends at the logout endpoint for its own person only, which redirects to registered addresses only', async () => {
    const bye = 'http://localhost:8080/bye';
    await rp.ask('PUT', 'oidc-client', { redirectUris: [REDIRECT_URI], postLogoutRedirectUris: [bye] });
    await run('assign', 'ben@example.com');
    const [anna, ben] = [await rp.login(ANNA), await rp.login('ben@example.com')];
    const browser = new OktaBrowser();
    await rp.signIn(ANNA, {}, browser);
    const logout = (params: Record<string, string>, party = rp) =>
      browser.visit(`${party.endpoint('logout')}?${new URLSearchParams(params).toString()}`);
    const back = { post_logout_redirect_uri: bye, state: 's' };
    for (const params of [
      back,
      { ...back, id_token_hint: 'x' },
      { ...back, id_token_hint: anna.access_token },
      { id_token_hint: anna.id_token, post_logout_redirect_uri: `${bye}/` },
    ])
      expect((await logout(params)).status).toBe(400);
    expect((await logout({ id_token_hint: anna.id_token }, rp.at('default'))).status).toBe(400);
    expect((await logout({ ...back, id_token_hint: ben.id_token })).headers.get('location')).toBe(`${bye}?state=s`);
    expect((await rp.signIn('', { prompt: 'none' }, browser)).params).toHaveProperty('code');
    expect((await logout({ id_token_hint: anna.id_token })).status).toBe(200);
    expect((await rp.signIn('', { prompt: 'none' }, browser)).params.error).toBe('login_required');
  });
});
