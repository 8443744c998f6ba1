/** `POST /auth/okta/universal-logout`: verification of requests, and refusals that change nothing. No worker is running. */
import { randomUUID } from 'node:crypto';
import { signRs256, type Claims } from '../guard/issuer.js';
import { Browser } from '../support/auth-browser.js';
import { codeOn } from '../support/auth-journey.js';
import { logoutToken, postLogout, PATH, TYP, type LogoutAnswer, type LogoutChange } from './logout-request.js';
import { HostileProvider } from '../support/auth-provider.js';
import type { Person } from '../support/auth-people.js';
import { LOCAL } from '../support/auth.js';
import { world } from './world.js';

const { browser, op, rig, service, signedIn, signIn, tenant } = await world();
/** A new person for each test. */
let ada: Person;
beforeEach(async () => {
  ada = await rig.addPerson(tenant);
});

const isIn = async (b: Browser): Promise<boolean> => (await b.get('/auth/session')).status === 200;
const issSub = (person: Person, iss = op.origin) => ({ sub_id: { format: 'iss_sub', iss, sub: person.externalId } });
const post = (token: string | null, body: unknown, headers: Record<string, string> = {}): Promise<LogoutAnswer> =>
  postLogout(service.url, token, body, headers);
const logout = (person: Person, change: LogoutChange = {}): Promise<LogoutAnswer> =>
  post(logoutToken(op, change), issSub(person));
const outcome = ({ status, body }: LogoutAnswer): [number, unknown] => [status, body.code];
const owed = async (person: Person): Promise<boolean> => {
  const [row] = await rig.admin.query<{ owed: boolean }>(
    'select signing_out is not null as owed from auth.account where id = $1',
    [person.id],
  );
  return row?.owed ?? false;
};
const audits = (person: Person, event: string) => rig.audit('account_id = $1 and event = $2', [person.id, event]);
const lastRefusal = async () => (await rig.audit(`event = 'universal_logout_refused'`)).at(-1);

describe('a verified logout', () => {
  it('ends all sessions of the person at once, stores the pending sign-out, and is recorded', async () => {
    const [one, two] = [await signedIn(ada), await signedIn(ada)];
    const eve = await signedIn(await rig.addPerson(tenant));
    const answer = await logout(ada);
    expect([answer.status, answer.body]).toEqual([204, {}]);
    expect([await isIn(one), (await two.post('/auth/refresh')).status, await isIn(eve)]).toEqual([false, 401, true]);
    expect(await owed(ada)).toBe(true);
    expect(await audits(ada, 'session_ended')).toMatchObject([
      { code: 'universal_logout', tenant },
      { code: 'universal_logout', tenant },
    ]);
    expect(await audits(ada, 'universal_logout')).toMatchObject([
      { code: 'iss_sub', tenant, detail: { subject: { sub: ada.externalId }, jti: expect.any(String) } },
    ]);
  });

  it('lets the person wait at the next login, without a call to Cognito, until it is complete', async () => {
    expect((await logout(ada)).status).toBe(204);
    op.sub = ada.externalId ?? '';
    const begun = (await rig.cognitoCalls('AdminInitiateAuth')).length;
    const page = await signIn(browser());
    expect([page.status, codeOn(page), page.headers['retry-after']]).toEqual([503, 'account_signing_out', '5']);
    expect((await rig.cognitoCalls('AdminInitiateAuth')).length).toBe(begun);
  });

  it.each([
    [
      'by "sub_id" and e-mail address, whatever its case',
      (p: Person) => ({ sub_id: { format: 'email', email: p.email?.toUpperCase() } }),
    ],
    ['by "subject", as in older pages of Okta', (p: Person) => ({ subject: { format: 'email', email: p.email } })],
    ['by "subject" and issuer', (p: Person) => ({ subject: issSub(p).sub_id })],
    ['with an additional member', (p: Person) => ({ ...issSub(p), reason: 'risk' })],
  ])('names the person %s', async (_, bodyOf) => {
    const b = await signedIn(ada);
    expect((await post(logoutToken(op), bodyOf(ada))).status).toBe(204);
    expect(await isIn(b)).toBe(false);
  });

  it('by e-mail address finds all people who share it, and people who have it as user name', async () => {
    const shared = `shared.${randomUUID()}@example.com`;
    const people = [
      await rig.addPerson(tenant, { email: shared }),
      await rig.addPerson(tenant, { email: null, userName: shared }),
      await rig.addPerson(tenant, { userName: shared }),
    ];
    expect((await post(logoutToken(op), { sub_id: { format: 'email', email: shared } })).status).toBe(204);
    expect(await Promise.all(people.map(owed))).toEqual([true, true, false]);
  });

  it('is accepted for a person without access, and for one who never had any', async () => {
    await rig.people.publishAccess({ ...ada, status: 'inactive', roles: [] });
    const waiting = rig.people.make(tenant);
    await rig.people.publishAccount(waiting, 'provisioned');
    await rig.handled();
    expect([(await logout(ada)).status, (await logout(waiting)).status]).toEqual([204, 204]);
  });
});

describe('a logout token is refused', () => {
  const now = (): number => Math.floor(Date.now() / 1000);
  const unsigned = (header: Claims, claims: Claims): string =>
    `${[header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;

  it.each<[string, () => LogoutChange, [number, string, string]]>([
    ['of another kind', () => ({ header: { typ: 'JWT' } }), [401, 'token_refused', 'header_not_allowed']],
    ['of no kind', () => ({ header: { typ: undefined } }), [401, 'token_refused', 'header_not_allowed']],
    [
      'of a kind in upper case',
      () => ({ header: { typ: TYP.toUpperCase() } }),
      [401, 'token_refused', 'header_not_allowed'],
    ],
    [
      'with a key in its header',
      () => ({ header: { jwk: op.secondKey.jwk } }),
      [401, 'token_refused', 'header_not_allowed'],
    ],
    [
      'without a signature',
      () => ({ header: { alg: 'none' }, sign: unsigned }),
      [401, 'token_refused', 'algorithm_not_allowed'],
    ],
    ['by a symmetric key', () => ({ header: { alg: 'HS256' } }), [401, 'token_refused', 'algorithm_not_allowed']],
    [
      'signed by a foreign key',
      () => ({ sign: (header, claims) => signRs256(header, claims, op.secondKey.privateKey) }),
      [401, 'token_refused', 'signature_invalid'],
    ],
    ['of a key that is not published', () => ({ header: { kid: 'other' } }), [401, 'token_refused', 'key_unknown']],
    [
      'of another issuer',
      () => ({ claims: { iss: 'https://evil.okta.com' } }),
      [401, 'token_refused', 'issuer_mismatch'],
    ],
    [
      'of a custom authorization server',
      () => ({ claims: { iss: `${op.origin}/oauth2/default` } }),
      [401, 'token_refused', 'issuer_mismatch'],
    ],
    [
      'for another endpoint',
      () => ({ claims: { aud: `${LOCAL}/auth/okta/obo/token` } }),
      [401, 'token_refused', 'audience_mismatch'],
    ],
    [
      'for the endpoint with a query',
      () => ({ claims: { aud: `${LOCAL}${PATH}?a=1` } }),
      [401, 'token_refused', 'audience_mismatch'],
    ],
    [
      'with several audiences',
      () => ({ claims: { aud: [`${LOCAL}${PATH}`, 'https://other.example'] } }),
      [401, 'token_refused', 'claim_invalid'],
    ],
    ['that has expired', () => ({ claims: { iat: now() - 600, exp: now() - 61 } }), [401, 'token_refused', 'expired']],
    ['that is valid for an hour', () => ({ claims: { exp: now() + 3_600 } }), [401, 'token_refused', 'claim_invalid']],
    ['without an expiry', () => ({ claims: { exp: undefined } }), [401, 'token_refused', 'claim_invalid']],
    ['from the future', () => ({ claims: { iat: now() + 120 } }), [401, 'token_refused', 'issued_in_future']],
    ['that is not valid yet', () => ({ claims: { nbf: now() + 120 } }), [401, 'token_refused', 'issued_in_future']],
    ['without a jti', () => ({ claims: { jti: undefined } }), [401, 'token_refused', 'claim_invalid']],
    ['with an oversized jti', () => ({ claims: { jti: 'x'.repeat(256) } }), [401, 'token_refused', 'claim_invalid']],
    [
      'of another app of the org',
      () => ({ claims: { sub: '0oaSomebodyElse' } }),
      [403, 'client_not_allowed', 'client_mismatch'],
    ],
  ])('%s', async (_, changeOf, [status, code, oidc]) => {
    const b = await signedIn(ada);
    const answer = await logout(ada, changeOf());
    expect(outcome(answer)).toEqual([status, code]);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    if (status === 401) expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    expect([await isIn(b), await owed(ada)]).toEqual([true, false]);
    expect(await lastRefusal()).toMatchObject({ code, tenant, detail: { oidc } });
  });

  it('that is an ID token, is not a JWT, or is missing', async () => {
    const b = await signedIn(ada);
    const idToken = signRs256({ alg: 'RS256', kid: op.key.kid }, op.idTokenClaims(), op.key.privateKey);
    expect(outcome(await post(idToken, issSub(ada)))).toEqual([401, 'token_refused']);
    expect(outcome(await post('garbage', issSub(ada)))).toEqual([401, 'token_refused']);
    const missing = await post(null, issSub(ada));
    expect(outcome(missing)).toEqual([401, 'token_missing']);
    expect(missing.headers['www-authenticate']).toBe('Bearer realm="StackFlow Universal Logout"');
    expect(outcome(await post(null, issSub(ada), { authorization: 'Basic eDp5' }))).toEqual([401, 'token_missing']);
    expect([await isIn(b), await owed(ada)]).toEqual([true, false]);
  });

  it('as an ID token during a login', async () => {
    op.sub = ada.externalId ?? '';
    op.sign = (claims) => signRs256({ alg: 'RS256', kid: op.key.kid, typ: TYP }, claims, op.key.privateKey);
    const page = await signIn(browser());
    expect([page.status, codeOn(page)]).toEqual([403, 'token_refused']);
  });
});

describe('a logout token', () => {
  it('is refused when it is sent again', async () => {
    const token = logoutToken(op);
    expect((await post(token, issSub(ada))).status).toBe(204);
    const b = await signedIn(await rig.addPerson(tenant));
    expect(outcome(await post(token, issSub(ada)))).toEqual([401, 'token_replayed']);
    expect(await isIn(b)).toBe(true);
    expect(await lastRefusal()).toMatchObject({ code: 'token_replayed', detail: { jti: expect.any(String) } });
  });

  it('is accepted once when it is sent many times at once', async () => {
    const token = logoutToken(op);
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(token, issSub(ada))));
    expect(answers.map((a) => a.status).sort()).toEqual([204, ...Array<number>(7).fill(401)]);
    expect(await audits(ada, 'universal_logout')).toHaveLength(1);
  });

  it('can be sent again after a refusal that changed nothing', async () => {
    const person = rig.people.make(tenant);
    const token = logoutToken(op);
    expect(outcome(await post(token, issSub(person)))).toEqual([404, 'unknown_person']);
    await rig.people.publishAccess(person);
    await rig.people.publishAccount(person, 'provisioned');
    await rig.handled();
    expect((await post(token, issSub(person))).status).toBe(204);
  });

  it('can be sent again after its transaction failed', async () => {
    const b = await signedIn(ada);
    const token = logoutToken(op);
    // Makes the transaction fail after it has spent the token.
    await rig.admin.query(`alter table auth.account add constraint no_sign_out check (signing_out is null) not valid`);
    expect(outcome(await post(token, issSub(ada)))).toEqual([500, 'internal']);
    await rig.admin.query('alter table auth.account drop constraint no_sign_out');
    expect(await isIn(b)).toBe(true);
    expect((await post(token, issSub(ada))).status).toBe(204);
    expect(await isIn(b)).toBe(false);
  });
});

describe('a body is refused', () => {
  const subject = (sub_id: unknown) => ({ sub_id });
  it.each<[string, unknown]>([
    ['that is empty', {}],
    ['that is not JSON', '{"sub_id":'],
    ['that is a list', []],
    ['that is null', 'null'],
    ['of an unknown format', subject({ format: 'opaque', id: '00u1' })],
    ['with an incomplete identifier', subject({ format: 'iss_sub', sub: '00u1' })],
    ['with a number as address', subject({ format: 'email', email: 1 })],
    ['with an empty address', subject({ format: 'email', email: '' })],
    ['with the character 0', subject({ format: 'email', email: 'a\0b' })],
    [
      'with two people',
      { ...subject({ format: 'email', email: 'a@b.c' }), subject: { format: 'email', email: 'd@b.c' } },
    ],
    ['with an oversized address', subject({ format: 'email', email: 'x'.repeat(10_000) })],
  ])('%s', async (_, body) => {
    const answer = await post(logoutToken(op), body);
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toEqual(expect.any(String));
  });

  it('that exceeds the size limit', async () => {
    expect((await post(logoutToken(op), subject({ format: 'email', email: 'x'.repeat(100_000) }))).status).toBe(400);
  });
});

describe('nobody is logged out', () => {
  it('by an unknown id or address', async () => {
    const nobody = rig.people.make(tenant);
    expect(outcome(await logout(nobody))).toEqual([404, 'unknown_person']);
    const byMail = await post(logoutToken(op), { sub_id: { format: 'email', email: nobody.email } });
    expect(outcome(byMail)).toEqual([404, 'unknown_person']);
    expect(await lastRefusal()).toMatchObject({ code: 'unknown_person', tenant });
  });

  it('by an id from another issuer', async () => {
    const b = await signedIn(ada);
    const answer = await post(logoutToken(op), issSub(ada, 'https://other.okta.com'));
    expect(outcome(answer)).toEqual([404, 'unknown_person']);
    expect([await isIn(b), await owed(ada)]).toEqual([true, false]);
  });

  it("in another tenant, by a token for this tenant's endpoint", async () => {
    const beta = await rig.addTenant('beta', 'beta.example.com');
    const bea = await rig.addPerson(beta);
    // Both tenants have the same org here, but different endpoints.
    expect(outcome(await logout(bea))).toEqual([404, 'unknown_person']);
    const host = { host: 'beta.example.com' };
    expect(outcome(await post(logoutToken(op), issSub(bea), host))).toEqual([401, 'token_refused']);
    expect(await owed(bea)).toBe(false);
    const aud = `https://beta.example.com${PATH}`;
    expect((await post(logoutToken(op, { claims: { aud } }), issSub(bea), host)).status).toBe(204);
    expect(await owed(bea)).toBe(true);
  });

  it('at an unknown host, or in a tenant without sign-in', async () => {
    await rig.people.publishSettings(randomUUID(), 'bare', { host: 'bare.example.com' });
    await rig.settingsKnown();
    const at = (host: string) => post(logoutToken(op), issSub(ada), { host });
    expect(outcome(await at('nowhere.example.com'))).toEqual([404, 'unknown_site']);
    expect(outcome(await at('bare.example.com'))).toEqual([401, 'not_configured']);
  });

  it('by forwarding headers that name another host', async () => {
    const answer = await post(logoutToken(op, { claims: { aud: `https://evil.example${PATH}` } }), issSub(ada), {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
    });
    expect(outcome(answer)).toEqual([401, 'token_refused']);
  });
});

it('accepts tokens of the org, also if the tenant signs in with a custom authorization server', async () => {
  const host = 'custom.example.com';
  const there = await rig.addTenant('custom', host, 'https://acme.okta.com/oauth2/default');
  const cleo = await rig.addPerson(there);
  const by = (iss: string): Promise<LogoutAnswer> =>
    post(logoutToken(op, { claims: { iss, aud: `https://${host}${PATH}` } }), issSub(cleo, iss), { host });
  expect(outcome(await by(`${op.origin}/oauth2/default`))).toEqual([401, 'token_refused']);
  expect([(await by(op.origin)).status, await owed(cleo)]).toEqual([204, true]);
});

it('refuses an address that more than ten accounts share', async () => {
  const shared = `crowd.${randomUUID()}@example.com`;
  const crowd = Array.from({ length: 11 }, () => rig.people.make(tenant, { email: shared }));
  for (const person of crowd) await rig.people.publishAccount(person, 'provisioned');
  await rig.handled();
  const answer = await post(logoutToken(op), { sub_id: { format: 'email', email: shared } });
  expect(outcome(answer)).toEqual([422, 'too_many_accounts']);
  expect(await Promise.all(crowd.map(owed))).not.toContain(true);
});

it("answers 503 while Okta's keys cannot be read, and accepts the same token afterwards", async () => {
  const other = await new HostileProvider().start();
  const alone = await rig.startService({ OKTA_ISSUER_OVERRIDE: other.origin });
  try {
    other.jwks = () => ({ status: 500, body: '' });
    const token = logoutToken(other);
    const send = () => postLogout(alone.url, token, issSub(ada, other.origin));
    const answer = await send();
    expect(outcome(answer)).toEqual([503, 'okta_unavailable']);
    expect(answer.headers['retry-after']).toBe('5');
    expect(await owed(ada)).toBe(false);
    other.reset();
    expect((await send()).status).toBe(204);
  } finally {
    await alone.stop();
    await other.stop();
  }
});

it('limits the rate of an org, and accepts a rejected token afterwards', async () => {
  const alone = await rig.startService();
  const tokens = Array.from({ length: 800 }, () => logoutToken(op));
  const answers = await Promise.all(tokens.map((token) => postLogout(alone.url, token, issSub(ada))));
  const slowed = answers.findIndex((answer) => answer.status === 429);
  expect(slowed).not.toBe(-1);
  expect(answers[slowed]).toMatchObject({ body: { code: 'too_fast' }, headers: { 'retry-after': '1' } });
  expect((await post(tokens[slowed] ?? null, issSub(ada))).status).toBe(204);
  await alone.stop();
}, 120_000);
