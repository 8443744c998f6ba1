import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTPayload } from 'jose';
import { OktaBrowser } from '../support/okta-browser.js';
import { REDIRECT_URI, RelyingParty } from './relying-party.js';
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

const connect = async (): Promise<string> => {
  const slug = `oidc-${++tenant}`;
  await control(running.sandbox.endpoints.okta, 'PUT', `apps/${slug}`, { scimBaseUrl: scim.baseUrl, token: 't' });
  return slug;
};
const run = (verb: string, login = ANNA) => rp.ask('POST', verb, { login });
const keysOf = async (party: RelyingParty): Promise<JWK[]> =>
  ((await (await fetch(party.endpoint('keys'))).json()) as { keys: JWK[] }).keys;

/** A fresh org with a client and Anna in it. */
beforeEach(async () => {
  rp = await RelyingParty.register(running, await connect());
  await run('assign');
});

describe.each(['org', 'default'] as const)('a login at the %s server', (server) => {
  it('gives a valid ID token whose subject is the SCIM externalId', async () => {
    const party = rp.at(server);
    const tokens = await party.login(ANNA);
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'openid profile email' });
    const { issuer, clientId } = party;
    const expected = { keys: await keysOf(party), issuer, clientId, nonce: tokens.nonce };
    expect(problemsOf(tokens.id_token, { ...expected, accessToken: tokens.access_token })).toEqual([]);
    expect(part(tokens.id_token, 0)).toEqual({ kid: expect.any(String), alg: 'RS256' });
    const claims = part(tokens.id_token, 1);
    expect(claims).toMatchObject({
      sub: expect.stringMatching(/^00u\w{17}$/),
      name: 'anna Person',
      email: ANNA,
      preferred_username: ANNA,
      ver: 1,
      jti: expect.stringMatching(/^ID\./),
      amr: ['pwd'],
      idp: expect.stringMatching(/^00o\w{17}$/),
    });
    for (const absent of ['azp', 'email_verified', 'groups']) expect(claims).not.toHaveProperty(absent);
    expect(scim.requests.map((r) => r.body?.externalId)).toContain(claims.sub);
  });

  it("gives an access token in Okta's form, whose sub is the login", async () => {
    const { access_token: token, id_token: idToken } = await rp.at(server).login(ANNA);
    const { iss, aud, sub, cid, uid, scp, jti, ver, auth_time: authTime } = part(token, 1);
    expect(part(token, 0)).toEqual({ kid: expect.any(String), alg: 'RS256' });
    expect({ iss, sub, cid, ver }).toEqual({ iss: rp.at(server).issuer, sub: ANNA, cid: rp.clientId, ver: 1 });
    expect([aud, scp]).toEqual([server === 'org' ? rp.origin : 'api://default', ['openid', 'profile', 'email']]);
    expect([uid, authTime]).toEqual([part(idToken, 1).sub, part(idToken, 1).auth_time]);
    expect(jti).toMatch(/^AT\./);
    const published = (await keysOf(rp.at(server))).map((k) => k.kid);
    // Only Okta itself can validate access tokens of the org server.
    expect(published.includes(String(part(token, 0).kid))).toBe(server === 'default');
  });

  it('is described by the metadata at the well-known address', async () => {
    const party = rp.at(server);
    const at = (document: string) => fetch(`${party.issuer}/.well-known/${document}`).then((r) => r.json());
    const said = await at('openid-configuration');
    expect(said).toMatchObject({
      issuer: party.issuer,
      authorization_endpoint: party.endpoint('authorize'),
      token_endpoint: party.endpoint('token'),
      jwks_uri: party.endpoint('keys'),
      end_session_endpoint: party.endpoint('logout'),
      code_challenge_methods_supported: ['S256'],
      id_token_signing_alg_values_supported: ['RS256'],
    });
    expect(await at('oauth-authorization-server')).toEqual(said);
    for (const key of await keysOf(party))
      expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use']);
  });
});

describe('an authorization request', () => {
  const shown = async (change: Record<string, string | null>): Promise<string> => {
    const response = await new OktaBrowser().visit(rp.authorizeUrl(change).url);
    expect([response.status, response.headers.get('location')]).toEqual([400, null]);
    return response.text();
  };

  it('is answered on a page instead of a redirect if the client or its exact redirect URI is unknown', async () => {
    expect(await shown({ client_id: '0oaNobody' })).toContain('invalid_client');
    for (const id of [null, '\0']) expect(await shown({ client_id: id })).toContain('client_id');
    for (const uri of [
      null,
      'https://evil.example/',
      `${REDIRECT_URI}/`,
      `${REDIRECT_URI}?x=1`,
      REDIRECT_URI.toUpperCase(),
    ])
      expect(await shown({ redirect_uri: uri })).toContain('redirect_uri');
    expect(await shown({ redirect_uri: '"><script>alert(1)</script>' })).not.toContain('<script');
    const { url } = rp.authorizeUrl();
    url.searchParams.append('redirect_uri', REDIRECT_URI);
    expect((await new OktaBrowser().visit(url)).status).toBe(400);
  });

  it.each([
    [{ state: null }, 'invalid_request'],
    [{ nonce: 'a\0b' }, 'invalid_request'],
    [{ response_type: 'id_token' }, 'unsupported_response_type'],
    [{ response_mode: 'form_post' }, 'unsupported_response_mode'],
    [{ scope: null }, 'invalid_request'],
    [{ scope: 'openid incident.read' }, 'invalid_scope'],
    [{ code_challenge: null }, 'invalid_request'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge_method: null }, 'invalid_request'],
    [{ code_challenge: 'short' }, 'invalid_request'],
    [{ prompt: 'none login' }, 'invalid_request'],
    [{ prompt: 'create' }, 'invalid_request'],
    [{ max_age: '-1' }, 'invalid_request'],
    [{ request: 'eyJ' }, 'request_not_supported'],
    [{ request_uri: 'https://evil.example' }, 'request_uri_not_supported'],
    [{ prompt: 'none' }, 'login_required'],
  ])('with %j gets the error %s by redirect', async (change: Record<string, string | null>, error) => {
    const { params, state } = await rp.signIn(ANNA, change);
    const known = 'state' in change ? {} : { state };
    expect(params).toEqual({ error, error_description: expect.any(String), ...known });
  });

  it.each(['nonce', 'scope', 'code_challenge', 'prompt'])(
    'with a repeated "%s" gets an error by redirect',
    async (name) => {
      const { url, state } = rp.authorizeUrl({ prompt: 'login' });
      url.searchParams.append(name, url.searchParams.get(name) ?? '');
      const location = (await new OktaBrowser().visit(url)).headers.get('location') ?? '';
      const { error, state: returned } = Object.fromEntries(new URL(location).searchParams);
      expect([error, returned]).toEqual(['invalid_request', state]);
    },
  );

  it('is refused if the app may not use codes, or no access policy of the default server names it', async () => {
    await rp.ask('PUT', 'oidc-client', { redirectUris: [REDIRECT_URI], grantTypes: [] });
    expect((await rp.signIn(ANNA)).params.error).toBe('unauthorized_client');
    await rp.ask('PUT', 'oidc-client', { redirectUris: [REDIRECT_URI], accessPolicy: false });
    expect((await rp.at('default').signIn(ANNA)).params).toMatchObject({
      error: 'access_denied',
      error_description: expect.stringContaining('Policy evaluation failed'),
    });
    expect(await rp.login(ANNA)).toHaveProperty('id_token');
  });

  it('may request custom scopes of the default server, and groups if the app has the claim', async () => {
    const settings = { redirectUris: [REDIRECT_URI], customScopes: ['incident.read'], groupsFilter: 'StackFlow-' };
    await rp.ask('PUT', 'oidc-client', settings);
    for (const group of ['StackFlow-Agents', 'Everyone'])
      await rp.ask('POST', 'add-member', { group, members: [ANNA] });
    const custom = await rp.at('default').login(ANNA, { scope: 'openid incident.read' });
    expect(part(custom.access_token, 1).scp).toEqual(['openid', 'incident.read']);
    expect(part(custom.id_token, 1)).not.toHaveProperty('groups');
    expect((await rp.signIn(ANNA, { scope: 'openid incident.read' })).params.error).toBe('invalid_scope');
    const withGroups = await rp.login(ANNA, { scope: 'openid groups' });
    expect(part(withGroups.id_token, 1).groups).toEqual(['StackFlow-Agents']);
    expect(await rp.at('default').login(ANNA, { scope: 'incident.read' })).not.toHaveProperty('id_token');
  });

  it('leads to amr "mfa" if the sign-on policy of the app requires it', async () => {
    await rp.ask('PUT', 'oidc-client', { redirectUris: [REDIRECT_URI], mfa: true });
    expect(part((await rp.login(ANNA)).id_token, 1).amr).toContain('mfa');
  });
});

describe('a code', () => {
  const error = async (response: Promise<Response>): Promise<[number, string]> => {
    const r = await response;
    return [r.status, ((await r.json()) as { error: string }).error];
  };

  it.each([
    [{ code: 'x' }, 'invalid_grant'],
    [{ code: null }, 'invalid_request'],
    [{ code_verifier: 'a'.repeat(43) }, 'invalid_grant'],
    [{ code_verifier: 'short' }, 'invalid_grant'],
    [{ code_verifier: null }, 'invalid_request'],
    [{ redirect_uri: `${REDIRECT_URI}/` }, 'invalid_grant'],
    [{ redirect_uri: null }, 'invalid_request'],
    [{ grant_type: 'password' }, 'unsupported_grant_type'],
  ])('with %j is refused as %s', async (change: Record<string, string | null>, code) => {
    expect(await error(rp.exchange(await rp.signIn(ANNA), change))).toEqual([400, code]);
  });

  it('is valid once, even if five requests redeem it concurrently', async () => {
    const callback = await rp.signIn(ANNA);
    const answers = await Promise.all(Array.from({ length: 5 }, () => rp.exchange(callback)));
    expect(answers.map((a) => a.status).sort()).toEqual([200, 400, 400, 400, 400]);
  });

  it('is valid at its own server, for its own client, and while the person may sign in', async () => {
    expect(await error(rp.at('default').exchange(await rp.signIn(ANNA)))).toEqual([400, 'invalid_grant']);
    const other = await RelyingParty.register(running, rp.slug, {}, 'other');
    const callback = await rp.signIn(ANNA);
    expect(await error(other.exchange(callback))).toEqual([400, 'invalid_grant']);
    expect((await rp.exchange(callback)).status).toBe(200);
    for (const [verb, undo] of [
      ['unassign', 'assign'],
      ['suspend', 'unsuspend'],
    ] as const) {
      const late = await rp.signIn(ANNA);
      await run(verb);
      expect(await error(rp.exchange(late))).toEqual([400, 'invalid_grant']);
      await run(undo);
    }
  });
});

describe('client authentication', () => {
  const status = async (form: Record<string, string>, headers: Record<string, string> = {}): Promise<number> =>
    (await rp.exchange(await rp.signIn(ANNA), form, headers)).status;

  it('accepts the right secret in the header or in the form, but not in both', async () => {
    const posted = { client_id: rp.clientId, client_secret: rp.clientSecret };
    expect(await status({}, rp.basic)).toBe(200);
    expect(await status(posted)).toBe(200);
    expect(await status(posted, rp.basic)).toBe(400);
    expect(await status({ ...posted, client_secret: 'wrong' })).toBe(401);
    expect(await status({ client_id: rp.clientId })).toBe(401);
    expect(await status({ client_id: '0oaNobody', client_secret: 'x' })).toBe(401);
    for (const authorization of ['Basic', 'Basic !!!', 'Bearer x', `Basic ${Buffer.from('%zz:%').toString('base64')}`])
      expect(await status({}, { authorization })).toBe(401);
    expect(await status({})).toBe(401);
  });

  it('shows the secret once, keeps it over changes, and replaces it on request', async () => {
    const again = await rp.ask('PUT', 'oidc-client', { redirectUris: [REDIRECT_URI] });
    expect(again).toMatchObject({ clientId: rp.clientId });
    expect(JSON.stringify([again, await rp.ask('GET', 'oidc-client')])).not.toContain(rp.clientSecret);
    const { clientSecret } = await rp.ask<{ clientSecret: string }>('POST', 'oidc-client/secret');
    expect(await status({}, rp.basic)).toBe(401);
    expect(await status({ client_id: rp.clientId, client_secret: clientSecret })).toBe(200);
  });

  it('accepts a JWT of the client once', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = await exportJWK(publicKey);
    await rp.ask('PUT', 'oidc-client', { redirectUris: [REDIRECT_URI], jwks: { keys: [jwk] } });
    expect(await status({}, rp.basic)).toBe(401);
    const assertion = (change: JWTPayload = {}): Promise<string> =>
      new SignJWT({
        iss: rp.clientId,
        sub: rp.clientId,
        aud: rp.endpoint('token'),
        jti: crypto.randomUUID(),
        ...change,
      })
        .setProtectedHeader({ alg: 'ES256' })
        .setExpirationTime('5m')
        .sign(privateKey);
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const by = (client_assertion: string) => status({ client_assertion, client_assertion_type: type });
    const good = await assertion();
    expect([await by(good), await by(good)]).toEqual([200, 401]);
    for (const change of [{ aud: rp.origin }, { iss: 'x' }, { sub: '0oaNobody' }])
      expect(await by(await assertion(change))).toBe(401);
    expect(await by('x')).toBe(401);
    expect(await status({ client_assertion: await assertion() })).toBe(401);
  });
});
