/** The end of sessions, at all replicas at once. Two replicas of the service share a database. */
import { randomBytes, randomUUID } from 'node:crypto';
import { BrowserSessions } from '../../apps/auth-service/src/sessions/browser-sessions.js';
import { begin, codeOn, SESSION } from '../support/auth-journey.js';
import { LOCAL } from '../support/auth.js';
import { eventually } from '../support/waiting.js';
import { world } from './world.js';

const { back, browser, copyOf, op, rig, signedIn, tenant } = await world({ replicas: 2 });

const audits = async (event: string) => (await rig.audit('event = $1', [event])).map((a) => a.code);

describe('the end of a session', () => {
  it('follows at once from an event that takes access away', async () => {
    const person = await rig.addPerson(tenant);
    const b = await signedIn(person);
    await rig.people.publishAccess(
      { ...person, status: 'inactive', roles: [] },
      { notBefore: new Date().toISOString() },
    );
    await rig.handled();
    expect((await b.get('/auth/session')).status).toBe(401);
    expect((await copyOf(b, 1).post('/auth/refresh')).status).toBe(401);
    expect(await rig.admin.query('select 1 from auth.session where account_id = $1', [person.id])).toEqual([]);
    expect(await rig.audit(`event = 'session_ended' and account_id = $1`, [person.id])).toMatchObject([
      { code: 'access_inactive' },
    ]);
  });

  it.each(['deactivated', 'removed'])('follows from account.%s', async (what) => {
    const person = await rig.addPerson(tenant);
    const b = await signedIn(person);
    await rig.people.publishAccount(
      { ...person, status: what === 'removed' ? 'removed' : 'inactive', roles: [] },
      what,
    );
    await rig.handled();
    expect((await b.get('/auth/session')).status).toBe(401);
  });

  it('follows from a fence for earlier sessions, but not for later ones', async () => {
    const person = await rig.addPerson(tenant);
    const b = await signedIn(person);
    await rig.people.publishAccess(person, { notBefore: new Date().toISOString() });
    await rig.handled();
    expect((await b.get('/auth/session')).status).toBe(401);
    const later = await eventually(() => signedIn(person)); // Okta's `iat` is in whole seconds, so it is past the fence a moment later
    expect((await later.get('/auth/session')).status).toBe(200);
  });

  it.each([
    `account_status = 'inactive'`,
    `access_status = 'inactive'`,
    `not_before = clock_timestamp() + interval '1 hour'`,
  ])('does not depend on an event: the session is refused when %s', async (change) => {
    const person = await rig.addPerson(tenant);
    const b = await signedIn(person);
    await rig.admin.query(`update auth.account set ${change} where id = $1`, [person.id]);
    expect((await b.get('/auth/session')).status).toBe(401);
    expect(await rig.audit(`event = 'session_ended' and account_id = $1`, [person.id])).toMatchObject([
      { code: 'access_gone' },
    ]);
  });

  it('does not follow from a fence by a fast clock if the login is past the fence', async () => {
    const person = await rig.addPerson(tenant);
    await rig.people.publishAccess(person, { notBefore: new Date(Date.now() + 30_000).toISOString() });
    await rig.handled();
    const SESSION_KEYS = [randomBytes(32).toString('base64url')];
    const sessions = new BrowserSessions(rig.admin, { SESSION_KEYS, SESSION_HOURS: 1, SESSION_IDLE_MINUTES: 10 });
    const session = { id: randomUUID(), tenant, accountId: person.id, oktaIssuer: op.origin, oktaSub: 'x' };
    const { secret } = await rig.admin.tx((tx) => sessions.create(tx, { ...session, refreshToken: 'r', idToken: 'i' }));
    expect(await sessions.find(tenant, secret)).toMatchObject({ id: session.id });
    await rig.admin.query('delete from auth.session where id = $1', [session.id]);
  });

  it('that an event causes during a login refuses the login and revokes its tokens', async () => {
    const person = await rig.addPerson(tenant);
    op.sub = person.externalId ?? '';
    const b = browser();
    const path = back(await begin(b));
    const revoked = (await rig.cognitoCalls('RevokeToken')).length;
    // Stands for the event's transaction, which stays open until the login waits for the account's lock.
    const { login } = await rig.admin.tx(async (tx) => {
      await tx.query(`update auth.account set access_status = 'inactive' where id = $1`, [person.id]);
      const login = b.get(path);
      await eventually(async () => {
        const [waiting] = await rig.admin.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%for share%'`,
        );
        if (!waiting) throw new Error('the login does not wait for the lock');
      });
      return { login };
    });
    const page = await login;
    expect([page.status, codeOn(page)]).toEqual([403, 'account_inactive']);
    expect(b.cookies.has(SESSION)).toBe(false);
    expect(await rig.admin.query('select 1 from auth.session where account_id = $1', [person.id])).toEqual([]);
    expect((await rig.cognitoCalls('RevokeToken')).length).toBe(revoked + 1);
  }, 120_000);

  it('comes when its hours are over, and after idle time', async () => {
    const [absolute, idle] = [await signedIn(), await signedIn()];
    const ids = await rig.admin.query<{ id: string }>('select id from auth.session order by created_at desc limit 2');
    await rig.admin.query('update auth.session set expires_at = clock_timestamp() where id = $1', [ids[1]?.id]);
    await rig.admin.query(
      `update auth.session set last_used_at = clock_timestamp() - interval '121 minutes' where id = $1`,
      [ids[0]?.id],
    );
    expect((await absolute.get('/auth/session')).status).toBe(401);
    expect((await idle.post('/auth/refresh')).status).toBe(401);
  });

  it('by logout takes effect here, at Cognito, and at Okta if requested', async () => {
    const b = await signedIn();
    const copy = copyOf(b, 1);
    const answer = await b.post('/auth/logout?okta=true');
    expect(answer.status).toBe(200);
    const { oktaLogoutUrl } = JSON.parse(answer.body) as { oktaLogoutUrl: string };
    const url = new URL(oktaLogoutUrl);
    expect(url.origin + url.pathname).toBe(`${op.origin}/oauth2/v1/logout`);
    expect(url.searchParams.get('id_token_hint')).toMatch(/^eyJ/);
    expect(url.searchParams.get('post_logout_redirect_uri')).toBe(`${LOCAL}/`);
    expect(b.cookies.has(SESSION)).toBe(false);
    expect((await copy.get('/auth/session')).status).toBe(401);
    expect((await rig.cognitoCalls('RevokeToken')).length).toBeGreaterThan(0);
    expect(await audits('logout')).toContain('by_person');
  });

  it('by logout is possible while Cognito fails, twice, and without a session', async () => {
    const b = await signedIn();
    const copy = copyOf(b);
    await rig.fault({ effect: 'error', operation: 'RevokeToken' });
    expect(JSON.parse((await b.post('/auth/logout')).body)).toEqual({ oktaLogoutUrl: null });
    expect((await copy.post('/auth/logout')).status).toBe(200);
    expect((await browser().post('/auth/logout')).status).toBe(200);
    expect((await copy.get('/auth/session')).status).toBe(401);
  });

  it('by logout is refused for other origins', async () => {
    const b = await signedIn();
    expect((await b.post('/auth/logout', { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await b.get('/auth/session')).status).toBe(200);
  });
});

describe('the audit', () => {
  it('refuses changes, deletion and truncation', async () => {
    for (const sql of ['update auth.audit set code = null', 'delete from auth.audit', 'truncate auth.audit'])
      await expect(rig.admin.query(sql)).rejects.toThrow('append-only');
  });
});
