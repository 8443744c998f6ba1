/** Sessions: rotation, theft, many tabs. Two replicas of the service share a database. */
import type { Browser } from '../support/auth-browser.js';
import { SESSION } from '../support/auth-journey.js';
import { LOCAL } from '../support/auth.js';
import { eventually } from '../support/waiting.js';
import { world } from './world.js';

const { ada, browser, copyOf, rig, signedIn, tenant } = await world({ replicas: 2 });

const secretOf = (b: Browser): string => b.cookies.get(SESSION) ?? '';
const age = (seconds: number) =>
  rig.admin.query(`update auth.session_secret set replaced_at = replaced_at - make_interval(secs => $1)`, [seconds]);
const audits = async (event: string) => (await rig.audit('event = $1', [event])).map((a) => a.code);

describe('GET /auth/session', () => {
  it('without a session answers a problem with status 401', async () => {
    const b = browser();
    const answer = await b.get('/auth/session');
    expect(answer.status).toBe(401);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(JSON.parse(answer.body)).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  it.each(['', 'x', 'A'.repeat(43), 'A'.repeat(44), "' or 1=1 --", '%00'])(
    'with the cookie %j answers 401',
    async (value) => {
      const b = browser();
      b.cookies.set(SESSION, value);
      expect((await b.get('/auth/session')).status).toBe(401);
    },
  );

  it('accepts neither of two session cookies', async () => {
    const b = await signedIn();
    const answer = await browser().get('/auth/session', {
      cookie: `${SESSION}=${secretOf(b)}; ${SESSION}=${'A'.repeat(43)}`,
    });
    expect(answer.status).toBe(401);
  });

  it('refuses the session of another tenant', async () => {
    await rig.addTenant('other', 'other.example.com');
    const b = await signedIn();
    const there = browser('https://other.example.com');
    there.cookies.set(SESSION, secretOf(b));
    expect((await there.get('/auth/session')).status).toBe(401);
    expect((await b.get('/auth/session')).status).toBe(200);
  });

  it('works at each replica', async () => {
    const b = await signedIn();
    const other = await copyOf(b, 1).get('/auth/session');
    expect(other.status).toBe(200);
    expect((JSON.parse(other.body) as { accessToken: string }).accessToken).toMatch(/^eyJ/);
  });

  it('answers 503 while Cognito fails, and keeps the session', async () => {
    const b = await signedIn();
    await rig.fault({ effect: 'error', operation: 'GetTokensFromRefreshToken' });
    const away = await copyOf(b, 1).get('/auth/session');
    expect([away.status, away.headers['retry-after']]).toEqual([503, '5']);
    await rig.noFaults();
    expect((await copyOf(b, 1).get('/auth/session')).status).toBe(200);
  });

  it('shows changed roles at once, and requests another token', async () => {
    const person = await rig.addPerson(tenant);
    const b = await signedIn(person);
    const before = JSON.parse((await b.get('/auth/session')).body) as { accessToken: string };
    await rig.people.publishAccess({ ...person, roles: ['viewer'] });
    await rig.handled();
    const after = JSON.parse((await b.get('/auth/session')).body) as { accessToken: string; roles: string[] };
    expect(after.roles).toEqual(['viewer']);
    expect(after.accessToken).not.toBe(before.accessToken);
  });
});

describe('an access token', () => {
  const tokenOf = async (b: Browser) =>
    (JSON.parse((await b.get('/auth/session')).body) as { accessToken: string }).accessToken;
  const groupsIn = (token: string): unknown =>
    (JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>)[
      'cognito:groups'
    ];

  it('is requested again until it shows the roles, and then cached', async () => {
    const person = await rig.addPerson(tenant, { roles: ['viewer'] });
    const b = await signedIn(person);
    expect(groupsIn(await tokenOf(b))).toBeUndefined();
    await rig.people.addToGroup(person, 'viewer');
    const shown = await eventually(async () => {
      const token = await tokenOf(b);
      expect(groupsIn(token)).toEqual(['viewer']);
      return token;
    });
    const before = (await rig.cognitoCalls('GetTokensFromRefreshToken')).length;
    for (let i = 0; i < 5; i++) expect(await tokenOf(b)).toBe(shown);
    expect((await rig.cognitoCalls('GetTokensFromRefreshToken')).length).toBe(before);
  });
});

describe('POST /auth/refresh', () => {
  it('replaces the secret and continues the session', async () => {
    const b = await signedIn();
    const old = secretOf(b);
    const answer = await b.post('/auth/refresh');
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ account: { id: ada.id } });
    expect(secretOf(b)).not.toBe(old);
    expect((await b.get('/auth/session')).status).toBe(200);
    expect(await audits('session_refreshed')).not.toEqual([]);
  });

  it('answers the same successor to five tabs at once, at both replicas', async () => {
    const b = await signedIn();
    const tabs = [0, 1, 0, 1, 0].map((replica) => copyOf(b, replica as 0 | 1));
    const answers = await Promise.all(tabs.map((tab) => tab.post('/auth/refresh')));
    expect(answers.map((a) => a.status)).toEqual([200, 200, 200, 200, 200]);
    expect(new Set(tabs.map(secretOf)).size).toBe(1);
    expect((await (tabs[0] as Browser).get('/auth/session')).status).toBe(200);
  });

  it('answers the current secret to a tab that is two steps behind', async () => {
    const b = await signedIn();
    const late = copyOf(b);
    await b.post('/auth/refresh');
    await b.post('/auth/refresh');
    expect((await late.post('/auth/refresh')).status).toBe(200);
    expect(secretOf(late)).toBe(secretOf(b));
  });

  it('ends the session for everybody when a replaced secret returns after the grace, and records it', async () => {
    const b = await signedIn();
    const thief = copyOf(b);
    await b.post('/auth/refresh');
    await age(31);
    expect((await thief.post('/auth/refresh')).status).toBe(401);
    expect((await b.get('/auth/session')).status).toBe(401);
    expect((await b.post('/auth/refresh')).status).toBe(401);
    expect(await audits('session_reused')).toContain('secret_reused');
  });

  it('ends the session also when such a secret only reads it', async () => {
    const b = await signedIn();
    const thief = copyOf(b);
    await b.post('/auth/refresh');
    await age(31);
    expect((await thief.get('/auth/session')).status).toBe(401);
    expect((await b.get('/auth/session')).status).toBe(401);
  });

  it('detects a thief who refreshed first as soon as the owner refreshes', async () => {
    const owner = await signedIn();
    const thief = copyOf(owner);
    expect((await thief.post('/auth/refresh')).status).toBe(200);
    await age(31);
    expect((await owner.post('/auth/refresh')).status).toBe(401);
    expect((await thief.post('/auth/refresh')).status).toBe(401);
  });

  it('accepts a replaced secret within the grace', async () => {
    const b = await signedIn();
    const tab = copyOf(b);
    await b.post('/auth/refresh');
    await age(5);
    expect((await tab.get('/auth/session')).status).toBe(200);
  });

  it('is refused for other origins', async () => {
    const b = await signedIn();
    const before = secretOf(b);
    for (const headers of [
      { origin: 'https://evil.com', 'sec-fetch-site': 'cross-site' },
      { origin: 'https://evil.com', 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { origin: 'null' },
      { origin: `${LOCAL}.evil.com` },
    ] as Record<string, string>[]) {
      const answer = await b.post('/auth/refresh', headers);
      expect([headers, answer.status]).toEqual([headers, 403]);
    }
    expect(secretOf(b)).toBe(before);
    expect(await audits('request_refused')).toContain('cross_origin');
  });

  it('is refused without origin headers', async () => {
    const b = await signedIn();
    expect((await b.request('POST', '/auth/refresh')).status).toBe(403);
    expect((await b.get('/auth/session')).status).toBe(200);
  });

  it('ends the session when Cognito refuses the refresh token', async () => {
    const person = await rig.addPerson(tenant);
    const b = await signedIn(person);
    await rig.people.disableUser(person);
    expect((await copyOf(b, 1).post('/auth/refresh')).status).toBe(401);
    expect((await b.get('/auth/session')).status).toBe(401);
    expect(await audits('session_ended')).toContain('refused_by_cognito');
  });
});
