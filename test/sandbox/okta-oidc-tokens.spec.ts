import type { JWK } from 'jose';
import { RelyingParty } from './relying-party.js';
import { ScimRecorder } from '../support/scim-recorder.js';
import { part, problemsOf } from './strict-verifier.js';
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
const newOrg = async (): Promise<RelyingParty> => {
  const slug = `tokens-${++tenant}`;
  await control(running.sandbox.endpoints.okta, 'PUT', `apps/${slug}`, { scimBaseUrl: scim.baseUrl, token: 't' });
  const party = await RelyingParty.register(running, slug);
  await party.ask('POST', 'assign', { login: ANNA, profile: { firstName: 'Anna', lastName: 'Lee' } });
  return party;
};
beforeEach(async () => {
  rp = await newOrg();
});

const run = (verb: string) => rp.ask('POST', verb, { login: ANNA });
const keysOf = async (party: RelyingParty): Promise<JWK[]> =>
  ((await (await fetch(party.endpoint('keys'))).json()) as { keys: JWK[] }).keys;

describe('introspection', () => {
  const introspect = async (party: RelyingParty, token: string): Promise<object> =>
    (await (await party.post('introspect', { token, token_type_hint: 'access_token' })).json()) as object;
  const INACTIVE = { active: false };

  it('shows a token of the org server to its own client only', async () => {
    const { access_token: token, id_token: idToken } = await rp.login(ANNA);
    expect(await introspect(rp, token)).toEqual({
      active: true,
      token_type: 'Bearer',
      scope: 'openid profile email',
      client_id: rp.clientId,
      username: ANNA,
      sub: ANNA,
      uid: part(idToken, 1).sub,
      iss: rp.issuer,
      aud: rp.issuer,
      exp: expect.any(Number),
      iat: expect.any(Number),
      jti: expect.stringMatching(/^AT\./),
    });
    const other = await RelyingParty.register(running, rp.slug, {}, 'other');
    expect(await introspect(other, token)).toEqual(INACTIVE);
  });

  it('shows a token of the default server to every client of the same org only', async () => {
    const { access_token: token } = await rp.at('default').login(ANNA);
    const other = await RelyingParty.register(running, rp.slug, {}, 'other');
    expect(await introspect(other.at('default'), token)).toMatchObject({ active: true, client_id: rp.clientId });
    expect(await introspect((await newOrg()).at('default'), token)).toEqual(INACTIVE);
  });

  it('accepts only access tokens of the same server', async () => {
    const [org, custom] = [await rp.login(ANNA), await rp.at('default').login(ANNA)];
    expect(await introspect(rp, custom.access_token)).toEqual(INACTIVE);
    expect(await introspect(rp.at('default'), org.access_token)).toEqual(INACTIVE);
    for (const token of [org.id_token, 'garbage', `${org.access_token}x`])
      expect(await introspect(rp, token)).toEqual(INACTIVE);
    expect(await introspect(rp.at('default'), custom.id_token)).toEqual(INACTIVE);
  });

  it.each(['suspend', 'deactivate'])('reports a token as inactive after "%s"', async (verb) => {
    const { access_token: token } = await rp.login(ANNA);
    await run(verb);
    expect(await introspect(rp, token)).toEqual(INACTIVE);
  });

  it('reports an expired token, and one revoked by its own client, as inactive', async () => {
    await rp.order('expired', { token: 'access_token' });
    expect(await introspect(rp, (await rp.login(ANNA)).access_token)).toEqual(INACTIVE);
    const { access_token: token } = await rp.login(ANNA);
    const other = await RelyingParty.register(running, rp.slug, {}, 'other');
    expect((await other.post('revoke', { token })).status).toBe(200);
    expect(await introspect(rp, token)).toMatchObject({ active: true });
    expect((await rp.post('revoke', { token })).status).toBe(200);
    expect(await introspect(rp, token)).toEqual(INACTIVE);
    expect((await rp.post('revoke', { token: 'garbage' })).status).toBe(200);
  });

  it('requires client authentication, like revocation', async () => {
    const statuses = [];
    for (const endpoint of ['introspect', 'revoke']) {
      statuses.push((await rp.post(endpoint, { token: 'x' }, {})).status);
      statuses.push((await rp.post(endpoint, {})).status);
      const json = { ...rp.basic, 'content-type': 'application/json' };
      statuses.push((await fetch(rp.endpoint(endpoint), { method: 'POST', headers: json, body: '{}' })).status);
    }
    expect(statuses).toEqual([401, 400, 415, 401, 400, 415]);
  });
});

describe('userinfo', () => {
  const userInfo = (token: string, party = rp) =>
    fetch(party.endpoint('userinfo'), { headers: { authorization: `Bearer ${token}` } });

  it('returns the claims that the ID token leaves out, by scope', async () => {
    const { access_token: token, id_token: idToken } = await rp.login(ANNA);
    expect(await (await userInfo(token)).json()).toEqual({
      sub: part(idToken, 1).sub,
      name: 'Anna Lee',
      given_name: 'Anna',
      family_name: 'Lee',
      preferred_username: ANNA,
      email: ANNA,
      email_verified: true,
      locale: 'en_US',
      zoneinfo: expect.any(String),
      updated_at: expect.any(Number),
    });
    const bare = await rp.login(ANNA, { scope: 'openid' });
    expect(await (await userInfo(bare.access_token)).json()).toEqual({ sub: part(idToken, 1).sub });
  });

  it('requires a valid access token of the same server with the scope openid', async () => {
    const { access_token: token, id_token: idToken } = await rp.login(ANNA);
    for (const wrong of [userInfo('garbage'), userInfo(idToken), userInfo(token, rp.at('default'))])
      expect((await wrong).status).toBe(401);
    const refused = await fetch(rp.endpoint('userinfo'));
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"']);
    const without = await rp.login(ANNA, { scope: 'profile' });
    expect((await userInfo(without.access_token)).status).toBe(403);
    await run('suspend');
    expect((await userInfo(token)).status).toBe(401);
  });
});

describe('signing keys', () => {
  const kids = async (party: RelyingParty) => (await keysOf(party)).map((k) => k.kid);
  const control2 = (method: string, query = '') => control(rp.origin, method, `oidc/rotate-keys${query}`);
  const check = async (tokens: Awaited<ReturnType<RelyingParty['login']>>): Promise<string[]> => {
    const { issuer, clientId } = rp;
    const expected = {
      keys: await keysOf(rp),
      issuer,
      clientId,
      nonce: tokens.nonce,
      accessToken: tokens.access_token,
    };
    return problemsOf(tokens.id_token, expected);
  };

  it('rotate: the new key signs at once, the old key stays published until it is dropped', async () => {
    const before = await rp.login(ANNA);
    const untouched = await kids(rp.at('default'));
    await control2('POST', '?server=org');
    const after = await rp.login(ANNA);
    expect(part(after.id_token, 0).kid).not.toBe(part(before.id_token, 0).kid);
    expect(await kids(rp)).toEqual([part(after.id_token, 0).kid, part(before.id_token, 0).kid]);
    expect([await check(before), await check(after)]).toEqual([[], []]);
    await control2('DELETE');
    expect([await check(before), await check(after)]).toEqual([['kid'], []]);
    expect(await kids(rp.at('default'))).toEqual(untouched);
    expect(await control2('POST')).toEqual({
      kids: { org: [expect.any(String), part(after.id_token, 0).kid], default: [expect.any(String), ...untouched] },
    });
    await control2('DELETE');
  });

  it('are the same for concurrent first uses, and after a restart', async () => {
    const fresh = await startSandbox({ oktaOrigin: 'http://okta.localhost:9402' });
    const asked = () => fetch(`${fresh.sandbox.endpoints.okta}/oauth2/v1/keys`).then((r) => r.json());
    const [first, ...others] = await Promise.all([asked(), asked(), asked()]);
    expect(others).toEqual([first, first]);
    const restarted = await fresh.restart();
    const { okta } = restarted.sandbox.endpoints;
    expect(await (await fetch(`${okta}/oauth2/v1/keys`)).json()).toEqual(first);
    const metadata = await (await fetch(`${okta}/.well-known/openid-configuration`)).json();
    expect(metadata).toMatchObject({ issuer: 'http://okta.localhost:9402' });
    await restarted.stop();
  });

  it('are published without their private parts', async () => {
    const text = await (await fetch(rp.endpoint('keys'))).text();
    for (const secret of ['"d"', '"p"', '"q"', '"dp"', '"dq"', '"qi"']) expect(text).not.toContain(secret);
  });
});

describe('tokens over the control API', () => {
  it('equal the tokens of a login, faults included', async () => {
    const mint = (body: object) => rp.ask<Record<string, string>>('POST', 'oidc-client/tokens', body);
    await rp.order('wrong-aud', { token: 'access_token' });
    expect(await mint({ login: 'nobody@example.com' })).toMatchObject({
      error: expect.stringContaining('"nobody@example.com" must be ACTIVE and assigned'),
    });
    const spoilt = await mint({ login: ANNA, scopes: ['openid'] });
    expect(part(spoilt.access_token ?? '', 1).aud).not.toBe('api://default');
    const minted = await mint({ login: ANNA, nonce: 'n' });
    expect(part(minted.id_token ?? '', 1)).toMatchObject({ nonce: 'n', email: ANNA, iss: rp.at('default').issuer });
    await run('suspend');
    expect(await mint({ login: ANNA })).toMatchObject({ error: expect.stringContaining('not active') });
  });
});

it('logs the calls without codes or tokens', async () => {
  await control(rp.origin, 'DELETE', 'calls');
  const { access_token: token } = await rp.login(ANNA);
  await rp.post('introspect', { token }, {});
  const { calls } = await control<{ calls: { operation: string; outcome: string }[] }>(rp.origin, 'GET', 'calls');
  expect(calls.map((c) => `${c.operation} ${c.outcome}`)).toEqual([
    'oidc.authorize ok',
    'oidc.signin ok',
    'oidc.token ok',
    'oidc.introspect 401',
  ]);
  expect(JSON.stringify(calls)).not.toContain(token);
});
