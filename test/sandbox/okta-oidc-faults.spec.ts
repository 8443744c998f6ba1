import { createHmac } from 'node:crypto';
import { exportSPKI, importJWK, type CryptoKey, type JWK } from 'jose';
import { tokenFaults } from '../../apps/sandbox/src/okta/oidc/token-faults.js';
import { eventually } from '../../tools/local/process.js';
import { RelyingParty, type Tokens } from './relying-party.js';
import { ScimRecorder } from '../support/scim-recorder.js';
import { part, problemsOf, signedBy } from './strict-verifier.js';
import { control, startSandbox, type RunningSandbox } from '../support/sandbox.js';

let running: RunningSandbox;
let scim: ScimRecorder;
let rp: RelyingParty;
let base: string;
const ANNA = 'anna@example.com';
beforeAll(async () => {
  [running, scim] = await Promise.all([startSandbox(), ScimRecorder.start()]);
  base = running.sandbox.endpoints.okta;
  await control(base, 'PUT', 'apps/acme', { scimBaseUrl: scim.baseUrl, token: 't' });
  rp = await RelyingParty.register(running, 'acme');
  await rp.ask('POST', 'assign', { login: ANNA });
});
afterAll(async () => {
  await running.stop();
  await scim.stop();
});
afterEach(async () => {
  await rp.ask('DELETE', 'oidc-client/faults');
  await control(base, 'DELETE', 'oidc/faults');
});

const keysAt = async (url: string): Promise<JWK[]> => ((await (await fetch(url)).json()) as { keys: JWK[] }).keys;
const problems = async (tokens: Tokens & { nonce: string }, party = rp): Promise<string[]> =>
  problemsOf(tokens.id_token, {
    keys: await keysAt(party.endpoint('keys')),
    issuer: party.issuer,
    clientId: party.clientId,
    nonce: tokens.nonce,
    accessToken: tokens.access_token,
  });

describe('a fault of the ID token', () => {
  /** The only findings of a strict verifier for each fault. */
  const found: Record<(typeof tokenFaults)[number], string[]> = {
    'wrong-key': ['signature'],
    'dropped-key': ['kid'],
    'alg-none': ['alg'],
    'hs256-client-secret': ['alg'],
    'hs256-public-key': ['alg'],
    'jwk-header': ['kid', 'header'],
    'jku-header': ['kid', 'header'],
    'crit-header': ['header'],
    'wrong-iss': ['iss'],
    'wrong-aud': ['aud'],
    'missing-azp': ['azp'],
    'wrong-azp': ['azp'],
    'wrong-nonce': ['nonce'],
    'wrong-at-hash': ['at_hash'],
    expired: ['exp'],
    'future-iat': ['iat'],
    'old-iat': ['iat'],
    'old-auth-time': ['auth_time'],
    'missing-claim': ['no sub'],
  };

  it.each(Object.entries(found))('"%s" breaks exactly the checks %j', async (fault, expected) => {
    await rp.order(fault);
    expect(await problems(await rp.login(ANNA))).toEqual(expected);
    expect(await problems(await rp.login(ANNA))).toEqual([]);
  });

  it('has an expectation in this test, whatever its name', () => {
    expect(Object.keys(found).sort()).toEqual([...tokenFaults].sort());
  });

  it('can remove any claim, and can have any age', async () => {
    for (const claim of ['iss', 'aud', 'exp', 'iat', 'nonce', 'at_hash', 'auth_time']) {
      await rp.order('missing-claim', { claim });
      expect(await problems(await rp.login(ANNA))).toEqual([`no ${claim}`]);
    }
    const now = Math.floor(Date.now() / 1000);
    await rp.order('expired', { seconds: 5_000 });
    const exp = Number(part((await rp.login(ANNA)).id_token, 1).exp);
    expect(exp).toBeGreaterThanOrEqual(now - 5_000);
    expect(exp).toBeLessThan(now - 3_600);
  });

  it('hits the named client, the given number of times, in order', async () => {
    const other = await RelyingParty.register(running, 'acme', {}, 'other');
    await rp.order('wrong-aud', { times: 2 });
    await rp.order('wrong-iss');
    expect(await problems(await other.login(ANNA), other)).toEqual([]);
    const seen = [];
    for (let i = 0; i < 4; i++) seen.push(await problems(await rp.login(ANNA)));
    expect(seen).toEqual([['aud'], ['aud'], ['iss'], []]);
  });

  it('is accepted by a naive verifier', async () => {
    const hmac = (token: string, key: string): boolean => {
      const [header = '', claims = '', signed] = token.split('.');
      return createHmac('sha256', key).update(`${header}.${claims}`).digest('base64url') === signed;
    };
    await rp.order('hs256-client-secret');
    expect(hmac((await rp.login(ANNA)).id_token, rp.clientSecret)).toBe(true);
    const [published = {}] = await keysAt(rp.endpoint('keys'));
    const spki = await exportSPKI((await importJWK(published, 'RS256', { extractable: true })) as CryptoKey);
    await rp.order('hs256-public-key');
    expect(hmac((await rp.login(ANNA)).id_token, spki)).toBe(true);
    await rp.order('jwk-header');
    const embedded = (await rp.login(ANNA)).id_token;
    expect(signedBy(embedded, part(embedded, 0).jwk as JWK)).toBe(true);
    await rp.order('jku-header');
    const remote = (await rp.login(ANNA)).id_token;
    const [offered = {}] = await keysAt(String(part(remote, 0).jku));
    expect([part(remote, 0).kid, signedBy(remote, offered)]).toEqual([offered.kid, true]);
    await rp.order('alg-none');
    expect((await rp.login(ANNA)).id_token).toMatch(/^[\w-]+\.[\w-]+\.$/);
  });

  it('can be in the access token instead', async () => {
    const party = rp.at('default');
    const keys = await keysAt(party.endpoint('keys'));
    await rp.order('wrong-key', { token: 'access_token' });
    const forged = await party.login(ANNA);
    expect([signedBy(forged.access_token, keys[0] ?? {}), await problems(forged, party)]).toEqual([false, []]);
    await rp.order('missing-claim', { token: 'access_token', claim: 'uid' });
    expect(part((await party.login(ANNA)).access_token, 1)).not.toHaveProperty('uid');
  });
});

describe('a fault of an endpoint', () => {
  const exchange = async (): Promise<Response> => rp.exchange(await rp.signIn(ANNA));

  it('replaces one answer of the token endpoint', async () => {
    await rp.order('garbage');
    const garbage = await exchange();
    expect([garbage.status, garbage.headers.get('content-type')]).toEqual([200, 'text/html']);
    await rp.order('cut-json');
    await expect((await exchange()).json()).rejects.toThrow('JSON');
    await rp.order('error');
    expect((await exchange()).status).toBe(500);
    await rp.order('redirect');
    const redirected = await exchange();
    expect([redirected.status, redirected.headers.get('location')]).toEqual([307, rp.endpoint('token')]);
    await rp.order('hang-up');
    await expect(exchange()).rejects.toThrow('fetch failed');
    await rp.order('no-id-token');
    expect(await (await exchange()).json()).not.toHaveProperty('id_token');
    expect(await (await exchange()).json()).toHaveProperty('id_token');
  });

  it('can delay an answer while other requests are served', async () => {
    await rp.order('slow', { ms: 1 });
    expect(await problems(await rp.login(ANNA))).toEqual([]);
    await rp.order('slow', { ms: 600_000 });
    let answered = false;
    const waiting = exchange().finally(() => (answered = true));
    // This wait ends with the sandbox.
    waiting.catch(() => undefined);
    const taken = async () => (await rp.ask<{ faults: object[] }>('GET', 'oidc-client/faults')).faults.length === 0;
    expect(await eventually(taken, 60_000)).toBe(true);
    expect(await problems(await rp.login(ANNA))).toEqual([]);
    expect(answered).toBe(false);
  });

  it('hits the key set or the metadata of the named server only', async () => {
    const order = (body: object) => control(base, 'POST', 'oidc/faults', body);
    const get = (url: string) => fetch(url, { redirect: 'manual' });
    await order({ fault: 'redirect', times: 2 });
    expect((await get(rp.at('default').endpoint('keys'))).status).toBe(200);
    for (let i = 0; i < 2; i++) {
      const redirected = await get(rp.endpoint('keys'));
      expect(redirected.status).toBe(307);
      const offered = await keysAt(redirected.headers.get('location') ?? '');
      expect(offered).toHaveLength(1);
      expect((await keysAt(rp.at('default').endpoint('keys'))).map((k) => k.kid)).not.toContain(offered[0]?.kid);
    }
    expect((await get(rp.endpoint('keys'))).status).toBe(200);
    const metadata = async () =>
      (await (await get(`${base}/oauth2/default/.well-known/openid-configuration`)).json()) as Record<string, unknown>;
    await order({ server: 'default', endpoint: 'metadata', fault: 'wrong-issuer' });
    await order({ server: 'default', endpoint: 'metadata', fault: 'no-pkce' });
    expect((await metadata()).issuer).toBe('https://attacker.okta.example');
    expect(await metadata()).not.toHaveProperty('code_challenge_methods_supported');
    expect(await metadata()).toMatchObject({
      issuer: `${base}/oauth2/default`,
      code_challenge_methods_supported: ['S256'],
    });
  });

  it('is refused with a readable message if it is invalid', async () => {
    for (const body of [
      {},
      { fault: 'x' },
      { fault: 'expired', times: 0 },
      { fault: 'expired', token: 'refresh_token' },
    ])
      expect(await rp.ask('POST', 'oidc-client/faults', body)).toHaveProperty('error');
    for (const body of [{}, { fault: 'expired' }, { fault: 'slow', server: 'x' }])
      expect(await control(base, 'POST', 'oidc/faults', body)).toHaveProperty('error');
    expect(await rp.ask('GET', 'oidc-client/faults')).toEqual({ faults: [] });
  });
});
