/** Callbacks from a hostile provider, and callbacks that no provider sent. id-token.spec.ts tests the token's own checks. */
import { signHs256, signingKey, signRs256, unsigned } from '../guard/issuer.js';
import { begin, codeOn, loginCookies, SESSION } from '../support/auth-journey.js';
import { Sealer } from '../../apps/auth-service/src/sessions/seal.js';
import { world } from './world.js';

const { back, browser, lastAudit, op, rig, signIn, tenant } = await world();

describe('an ID token', () => {
  const forgeries: [string, () => void, string][] = [
    ['no signature', () => (op.sign = (claims) => unsigned({ alg: 'none' }, claims)), 'algorithm_not_allowed'],
    [
      'an HS256 signature by the public key',
      () => (op.sign = (claims) => signHs256({ alg: 'HS256', kid: 'first' }, claims, op.key.publicKey)),
      'algorithm_not_allowed',
    ],
    [
      'a signature by a foreign RS256 key',
      () => (op.sign = (claims) => signRs256({ alg: 'RS256', kid: 'first' }, claims, signingKey('x').privateKey)),
      'signature_invalid',
    ],
    ['another nonce', () => (op.claims = { nonce: 'x'.repeat(43) }), 'nonce_mismatch'],
    ['no nonce', () => (op.claims = { nonce: undefined }), 'nonce_mismatch'],
    ['another audience', () => (op.claims = { aud: 'other' }), 'audience_mismatch'],
    ['another issuer', () => (op.claims = { iss: 'https://evil.okta.com' }), 'issuer_mismatch'],
    ['the hash of another access token', () => (op.claims = { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }), 'at_hash_mismatch'],
    ['an expiry in the past', () => (op.claims = { exp: 1_700_000_000, iat: 1_699_999_000 }), 'expired'],
    ['text instead of a JWT', () => (op.sign = () => 'x'), 'token_malformed'],
    [
      'null as its claims',
      () => (op.sign = () => signRs256({ alg: 'RS256', kid: 'first' }, null, op.key.privateKey)),
      'token_malformed',
    ],
  ];
  it.each(forgeries)('with %s is refused and opens no session', async (_, forge, oidc) => {
    forge();
    const b = browser();
    const page = await signIn(b);
    expect([page.status, codeOn(page)]).toEqual([403, 'token_refused']);
    expect(b.cookies.has(SESSION)).toBe(false);
    expect(await lastAudit()).toMatchObject({
      event: 'login_refused',
      code: 'token_refused',
      tenant,
      detail: { oidc },
    });
  });
});

describe('the callback', () => {
  it('accepts a state once and refuses a replay', async () => {
    const b = browser();
    const path = back(await begin(b));
    expect((await b.get(path)).status).toBe(303);
    const again = await b.get(path);
    expect([again.status, codeOn(again)]).toEqual([400, 'login_expired']);
    expect(await lastAudit()).toMatchObject({ event: 'login_refused', code: 'login_expired' });
  });

  it('accepts a state once, also with many requests at the same time', async () => {
    const b = browser();
    const path = back(await begin(b));
    const statuses = (await Promise.all(Array.from({ length: 5 }, () => b.get(path)))).map((a) => a.status);
    expect(statuses.filter((s) => s === 303)).toHaveLength(1);
  });

  it('accepts a code once', async () => {
    const b = browser();
    const [first, second] = [await begin(b), await begin(b)];
    const { code } = op.authorize(first);
    const state = new URL(first).searchParams.get('state') ?? '';
    expect((await b.get(`/auth/okta/callback?code=${code}&state=${state}`)).status).toBe(303);
    const other = new URL(second).searchParams.get('state') ?? '';
    const page = await b.get(`/auth/okta/callback?code=${code}&state=${other}`);
    expect([page.status, codeOn(page)]).toEqual([400, 'code_refused']);
  });

  it('with a code of another login is refused because of PKCE (injection)', async () => {
    const [victim, attacker] = [browser(), browser()];
    const { code } = op.authorize(await begin(victim));
    const own = new URL(await begin(attacker)).searchParams.get('state') ?? '';
    const page = await attacker.get(`/auth/okta/callback?code=${code}&state=${own}`);
    expect([page.status, codeOn(page)]).toEqual([400, 'code_refused']);
    expect(attacker.cookies.has(SESSION)).toBe(false);
  });

  it('in another browser is refused, and the right browser can still complete the login (login CSRF)', async () => {
    const [attacker, victim] = [browser(), browser()];
    const path = back(await begin(attacker));
    const page = await victim.get(path);
    expect([page.status, codeOn(page)]).toEqual([403, 'other_browser']);
    expect(victim.cookies.has(SESSION)).toBe(false);
    await begin(victim); // the victim's browser now has a login cookie of its own
    expect(codeOn(await victim.get(path))).toBe('other_browser');
    expect(await lastAudit()).toMatchObject({ event: 'login_refused', code: 'other_browser' });
    expect((await attacker.get(path)).status).toBe(303);
  });

  it('after ten minutes is refused', async () => {
    const b = browser();
    const [path, sooner] = [back(await begin(b)), back(await begin(b))];
    const sealer = new Sealer([rig.environment.SESSION_KEYS ?? '']);
    const aged = (url: string, minutes: number): string => {
      const at = new URL(url, 'https://x.invalid');
      const login = sealer.open(Buffer.from(at.searchParams.get('state') ?? '', 'base64url'), `login:${tenant}`);
      const { startedAt, ...rest } = JSON.parse(login ?? '') as { startedAt: number };
      const older = JSON.stringify({ ...rest, startedAt: startedAt - minutes * 60_000 });
      at.searchParams.set('state', sealer.seal(older, `login:${tenant}`).toString('base64url'));
      return at.pathname + at.search;
    };
    expect((await b.get(aged(sooner, 9))).status).toBe(303);
    expect(codeOn(await b.get(aged(path, 10)))).toBe('login_expired');
  });

  it('with an unknown state is refused', async () => {
    const b = browser();
    await begin(b);
    for (const state of ['A'.repeat(43), 'A', '!', 'A'.repeat(2_000)])
      expect(codeOn(await b.get(`/auth/okta/callback?code=x&state=${state}`))).toBe('login_expired');
  });

  it('with a changed state is refused', async () => {
    const b = browser();
    const path = back(await begin(b));
    const changed = path.replace(/state=(.{40})(.)/, (_all, before: string, one: string) => {
      return `state=${before}${one === 'A' ? 'B' : 'A'}`;
    });
    expect(codeOn(await b.get(changed))).toBe('login_expired');
    expect((await b.get(path)).status).toBe(303);
  });

  it('stores nothing for logins that only begin, however many, and one row for one that ends', async () => {
    const b = browser();
    const size = async () =>
      (
        await rig.admin.query(
          'select pg_total_relation_size($1) as bytes, (select count(*) from auth.spent_token) as rows',
          ['auth.spent_token'],
        )
      )[0];
    const before = await size();
    const returnTo = encodeURIComponent(`/${'x'.repeat(500)}`);
    for (let i = 0; i < 1_200; i += 40)
      await Promise.all(Array.from({ length: 40 }, () => browser().get(`/auth/okta/login?returnTo=${returnTo}`)));
    expect(await size()).toEqual(before);
    const path = back(await begin(b));
    expect((await b.get(path)).status).toBe(303);
    const sql = 'select count(*)::int as spent from auth.spent_token';
    const [spent] = await rig.admin.query(sql);
    expect(codeOn(await b.get(path))).toBe('login_expired');
    expect((await rig.admin.query(sql))[0]).toEqual(spent);
  });

  it.each([
    ['nothing', ''],
    ['no state', 'code=x'],
    ['no code', 'state=x'],
    ['an empty code', 'code=&state=x'],
    ['two states', 'code=x&state=a&state=b'],
    ['two codes', 'code=x&code=y&state=a'],
    ['two issuers', 'code=x&state=a&iss=b&iss=c'],
    ['a code and an error', 'code=x&state=a&error=b'],
    ['a list as state', 'code=x&state[]=a'],
    ['an oversized state', `code=x&state=${'a'.repeat(2_049)}`],
    ['an error without a state', 'error=access_denied&error_description=%3Cscript%3E'],
  ])('with %s is refused', async (_, query) => {
    const page = await browser().get(`/auth/okta/callback?${query}`);
    expect([page.status, codeOn(page)]).toEqual([400, 'bad_callback']);
    expect(page.body).not.toContain('<script');
  });

  it('shows an error of Okta only for a login that began here', async () => {
    const b = browser();
    const state = new URL(await begin(b)).searchParams.get('state') ?? '';
    const forged = await browser().get(`/auth/okta/callback?error=access_denied&state=${state}`);
    expect(codeOn(forged)).toBe('other_browser');
    const page = await b.get(`/auth/okta/callback?error=access_denied&error_description=%3Cb%3Ehi&state=${state}`);
    expect([page.status, codeOn(page)]).toEqual([403, 'okta_denied']);
    expect(page.body).not.toContain('<b>hi');
    expect(codeOn(await b.get(`/auth/okta/callback?error=access_denied&state=${state}`))).toBe('login_expired');
  });

  it('records an unknown error of Okta as "other"', async () => {
    const b = browser();
    const state = new URL(await begin(b)).searchParams.get('state') ?? '';
    expect(codeOn(await b.get(`/auth/okta/callback?error=evil%0d%0aX:1&state=${state}`))).toBe('okta_error');
    expect(await lastAudit()).toMatchObject({ detail: { error: 'other' } });
  });

  it('from another issuer is refused (mix-up)', async () => {
    const b = browser();
    const page = await b.get(back(await begin(b), { iss: 'https://evil.okta.com' }));
    expect([page.status, codeOn(page)]).toEqual([403, 'mix_up']);
    expect(op.exchanges).toHaveLength(0);
    expect((await b.get(back(await begin(b), { iss: op.origin }))).status).toBe(303);
  });

  it('is accepted for each of several tabs that began a login at the same moment, without any cookie', async () => {
    const tabs = [browser(), browser(), browser()];
    const paths = await Promise.all(tabs.map(async (tab) => back(await begin(tab))));
    const b = browser();
    for (const [name, value] of tabs.flatMap(loginCookies)) b.cookies.set(name, value);
    for (const path of paths) expect((await b.get(path)).status).toBe(303);
    // The next login adds no cookie.
    await begin(b);
    expect(loginCookies(b)).toHaveLength(3);
  });

  it('at another tenant is refused', async () => {
    await rig.addTenant('beta', 'beta.example.com');
    const [here, there] = [browser(), browser('https://beta.example.com')];
    const path = back(await begin(here));
    for (const [name, value] of loginCookies(here)) there.cookies.set(name, value);
    expect(codeOn(await there.get(path))).toBe('login_expired');
    expect((await here.get(path)).status).toBe(303);
  });
});

describe('the token endpoint', () => {
  it.each<[string, () => void, [number, string]]>([
    ['answers with HTML', () => (op.token = () => ({ body: '<html>' })), [502, 'okta_error']],
    ['answers with a number as ID token', () => (op.token = () => ({ body: '{"id_token":7}' })), [502, 'okta_error']],
    [
      'redirects',
      () => (op.token = () => ({ status: 302, headers: { location: '/' }, body: '' })),
      [502, 'okta_error'],
    ],
    ['answers 503', () => (op.token = () => ({ status: 503, body: '' })), [503, 'okta_unavailable']],
    [
      'does not know the client',
      () => (op.token = () => ({ status: 401, body: '{"error":"invalid_client"}' })),
      [502, 'client_refused'],
    ],
    [
      'refuses the code',
      () => (op.token = () => ({ status: 400, body: '{"error":"invalid_grant"}' })),
      [400, 'code_refused'],
    ],
    ['never answers', () => (op.token = () => 'hang'), [503, 'okta_unavailable']],
  ])('%s: the person sees a page with the reason', async (_, breakIt, expected) => {
    breakIt();
    const page = await signIn(browser());
    expect([page.status, codeOn(page)]).toEqual(expected);
  });
});
