/** Clients of the token exchange: their authentication, their policy, and the API to manage them. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { exportJWK, SignJWT, type JWTPayload } from 'jose';
import { nowSeconds } from '../guard/issuer.js';
import {
  assertion,
  basic,
  byKey,
  clientKey,
  ENDPOINT,
  formOf,
  jwksOf,
  exchangeRig,
  TYPE,
  type Form,
} from './exchange-rig.js';
import { LOCAL } from '../support/auth.js';

const rig = await exchangeRig();

const form = (more: Form = {}): Form => formOf(rig.accessToken(), 'access_token', more);
const secretOf = async (id: string, change: object = {}): Promise<string> =>
  (await rig.internal('PUT', `/exchange/clients/${id}`, rig.policy(change))).clientSecret as string;

describe('a client', () => {
  it('authenticates by a key, once per assertion', async () => {
    const proof = byKey(await assertion());
    expect((await rig.exchange(form(proof), {})).status).toBe(200);
    const again = await rig.exchange(form(proof), {});
    expect([again.status, again.body.error]).toEqual([401, 'invalid_client']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'assertion_replayed', detail: { client: 'reports' } });
  });

  it.each([
    ['at+jwt', 401],
    ['JWT', 200],
    ['client-authentication+jwt', 200],
  ])('is answered with an assertion of the type %s: %i', async (typ, status) => {
    const proof = byKey(await assertion({}, undefined, undefined, typ));
    expect((await rig.exchange(form(proof), {})).status).toBe(status);
  });

  it.each<[string, JWTPayload]>([
    ['for another endpoint', { aud: `${LOCAL}/auth/other` }],
    ['for this endpoint in a list', { aud: [ENDPOINT] }],
    ['for this endpoint and another one', { aud: [ENDPOINT, 'https://other.example'] }],
    ['of another client', { sub: 'billing' }],
    ['with a long lifetime', { exp: nowSeconds() + 3_600 }],
    ['that has expired', { exp: nowSeconds() - 60 }],
    ['without an expiry', { exp: undefined }],
    ['without a jti', { jti: undefined }],
    ['with an oversized jti', { jti: 'x'.repeat(256) }],
  ])('is refused with an assertion %s', async (_what, change) => {
    const answer = await rig.exchange(form(byKey(await assertion(change))), {});
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'assertion_invalid', detail: { client: 'reports' } });
  });

  it('is refused with an algorithm that its key supports but the endpoint does not', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const keys = [{ ...(await exportJWK(publicKey)), kid: 'rsa' }];
    await rig.internal('POST', '/exchange/clients/rsa', rig.policy({ jwks: { keys } }));
    const status = async (alg: string): Promise<number> => {
      const claims = { iss: 'rsa', sub: 'rsa', aud: `${LOCAL}/auth/okta/obo/token`, jti: randomUUID() };
      const jwt = new SignJWT({ ...claims, exp: nowSeconds() + 60 }).setProtectedHeader({ alg, kid: 'rsa' });
      return (await rig.exchange(form(byKey(await jwt.sign(privateKey))), {})).status;
    };
    expect([await status('RS256'), await status('PS256'), await status('RS512')]).toEqual([200, 200, 401]);
  });

  it('is refused with a foreign key, a wrong secret, no secret, or an unknown id', async () => {
    const foreign = await assertion({}, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const answers = [
      await rig.exchange(form(byKey(foreign)), {}),
      await rig.exchange(form(), basic('billing', 'wrong')),
      await rig.exchange(form(), basic('reports', 'it has none')),
      await rig.exchange(form(), basic('nobody', rig.secret)),
      await rig.exchange(form(byKey(await assertion({ iss: 'billing', sub: 'billing' }))), {}),
      await rig.exchange(form(), { authorization: 'Basic !' }),
      await rig.exchange(form(), {}),
    ];
    expect(answers.map((a) => [a.status, a.body.error])).toEqual(answers.map(() => [401, 'invalid_client']));
    // A caller cannot find out which ids exist.
    expect(new Set(answers.map((a) => a.body.error_description)).size).toBe(1);
    expect(answers[0]?.headers['www-authenticate']).toMatch(/^Basic /);
  });

  it('gets only tokens that its policy allows', async () => {
    const narrow = await secretOf('narrow', { tokenKinds: ['org_access_token'] });
    const stranger = await secretOf('stranger', { tenants: [randomUUID()] });
    const errors = [
      await rig.exchange(form(), basic('narrow', narrow)),
      await rig.exchange(formOf(rig.idToken(), 'id_token'), basic('narrow', narrow)),
      await rig.exchange(form(), basic('stranger', stranger)),
      await rig.exchange(form({ audience: 'payroll' })),
      await rig.exchange(form({ scope: 'admin' })),
      await rig.exchange(form({ resource: 'https://x.example' })),
    ].map((a) => [a.status, a.body.error]);
    const expected = [
      ...['unauthorized_client', 'unauthorized_client', 'unauthorized_client'],
      ...['invalid_target', 'invalid_scope', 'invalid_target'],
    ];
    expect(errors).toEqual(expected.map((error) => [400, error]));
    const refused = await rig.auth.audit(`event = 'exchange_refused'`);
    expect(refused.slice(-6).map(({ code, detail }) => [code, (detail as { client?: string }).client])).toEqual([
      ['kind_not_allowed', 'narrow'],
      ['kind_not_allowed', 'narrow'],
      ['tenant_not_allowed', 'stranger'],
      ['audience_not_allowed', 'billing'],
      ['scope_not_allowed', 'billing'],
      ['audience_not_allowed', 'billing'],
    ]);
  });

  it('must name the audience if it has several', async () => {
    const { audience: _, ...without } = form();
    expect((await rig.exchange(without)).status).toBe(200);
    const several = await secretOf('several', { audiences: ['incidents', 'payroll'] });
    expect((await rig.exchange(without, basic('several', several))).body.error).toBe('invalid_target');
    expect((await rig.exchange(form({ audience: 'payroll' }), basic('several', several))).status).toBe(200);
  });

  it('gets invalid_request for a malformed form', async () => {
    const credentials = basic('billing', rig.secret);
    const twice = `${new URLSearchParams(form()).toString()}&audience=payroll`;
    const { subject_token: _, ...tokenless } = form();
    const errors = [
      await rig.post(twice, credentials),
      await rig.exchange(form({ grant_type: 'password' })),
      await rig.exchange(form({ requested_token_type: `${TYPE}refresh_token` })),
      await rig.exchange(form({ subject_token_type: `${TYPE}saml2` })),
      await rig.exchange(tokenless),
      await rig.exchange(form({ actor_token: 'x' })),
      await rig.exchange(form({ client_id: 'reports' })),
      await rig.exchange(form(byKey(await assertion()))),
      await rig.exchange(form({ client_secret: rig.secret })),
      await rig.exchange(form({ ...byKey(await assertion()), client_assertion_type: 'jwt' }), {}),
      await rig.post('{}', { ...credentials, 'content-type': 'application/json' }),
    ].map((a) => [a.status, a.body.error]);
    expect(errors).toEqual(errors.map((_e, i) => [400, i === 1 ? 'unsupported_grant_type' : 'invalid_request']));
  });
});

describe('/internal/exchange', () => {
  it('shows a secret once, stores only its hash, and records the person', async () => {
    const created = await rig.internal('POST', '/exchange/clients/once', rig.policy({ by: 'ops' }));
    const secret = created.clientSecret as string;
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(await rig.internal('PUT', '/exchange/clients/once', rig.policy({ by: 'ops' }))).toEqual({
      clientSecret: null,
    });
    expect((await rig.exchange(form(), basic('once', secret))).status).toBe(200);
    expect(JSON.stringify(await rig.internal('GET', '/exchange/clients'))).not.toContain(secret);
    for (const table of ['exchange_client', 'audit'])
      expect(
        await rig.auth.admin.query(`select 1 from auth.${table} t where t::text like $1`, [`%${secret}%`]),
      ).toEqual([]);
    expect(
      (await rig.auth.audit(`event = 'exchange_client' and detail->>'client' = 'once'`)).map((r) => r.code),
    ).toEqual(['created', 'changed']);
    expect(await rig.lastAudit('exchange_client')).toMatchObject({
      detail: { by: 'cli: ops', audiences: ['incidents'] },
    });
  });

  it('replaces a secret with a grace period, or at once', async () => {
    const first = await secretOf('rotating');
    const status = async (secret: string): Promise<number> =>
      (await rig.exchange(form(), basic('rotating', secret))).status;
    const rotate = async (graceMs: number): Promise<string> =>
      (await rig.internal('POST', '/exchange/clients/rotating/secret', { graceMs })).clientSecret as string;
    const second = await rotate(3_600_000);
    expect([await status(first), await status(second)]).toEqual([200, 200]);
    expect(await rig.internal('GET', '/exchange/clients/rotating')).toMatchObject({
      previousSecretValidUntil: expect.any(String),
    });
    // The second rotation ends the grace period of the first secret.
    const third = await rotate(3_600_000);
    expect([await status(first), await status(second), await status(third)]).toEqual([401, 200, 200]);
    await rig.auth.admin.query(`update auth.exchange_client set previous_valid_until = now() where id = 'rotating'`);
    expect([await status(second), await status(third)]).toEqual([401, 200]);
    const fourth = await rotate(0);
    expect([await status(third), await status(fourth)]).toEqual([401, 200]);
  });

  it('changes keys and the kind of authentication, and refuses the previous credentials', async () => {
    const secret = await secretOf('changing');
    const next = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const both = [...(await jwksOf()).keys, ...(await jwksOf(next.publicKey, 'k2')).keys];
    expect(await secretOf('changing', { jwks: { keys: both } })).toBeNull();
    expect((await rig.exchange(form(), basic('changing', secret))).status).toBe(401);
    const proof = (key = clientKey.privateKey, kid = 'k1'): Promise<string> =>
      assertion({ iss: 'changing', sub: 'changing' }, key, kid);
    expect((await rig.exchange(form(byKey(await proof())), {})).status).toBe(200);
    expect((await rig.exchange(form(byKey(await proof(next.privateKey, 'k2'))), {})).status).toBe(200);
    expect((await rig.tryInternal('POST', '/exchange/clients/changing/secret', { graceMs: 0 })).status).toBe(409);
    const again = await secretOf('changing');
    expect(again).not.toBe(secret);
    expect((await rig.exchange(form(byKey(await proof())), {})).status).toBe(401);
    expect((await rig.exchange(form(), basic('changing', again))).status).toBe(200);
    await rig.internal('DELETE', '/exchange/clients/changing?by=ops');
    expect((await rig.exchange(form(), basic('changing', again))).status).toBe(401);
    expect((await rig.tryInternal('DELETE', '/exchange/clients/changing')).status).toBe(404);
  });

  it('refuses a second client with the same id, and unusable or private keys', async () => {
    expect((await rig.tryInternal('POST', '/exchange/clients/billing', rig.policy())).status).toBe(409);
    expect((await rig.exchange(form())).status).toBe(200);
    const { keys } = await jwksOf();
    const { keys: other } = await jwksOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
    const weak = await exportJWK(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);
    const curve = await exportJWK(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey);
    const bad = [
      [],
      [{}],
      [{ kty: 'oct', k: 'c2VjcmV0' }],
      [await exportJWK(clientKey.privateKey)],
      [...keys, ...other],
      [weak],
      [curve],
    ];
    for (const set of bad)
      expect([set, (await rig.tryInternal('PUT', '/exchange/clients/bad', rig.policy({ jwks: { keys: set } }))).status]) //
        .toEqual([set, 400]);
    for (const change of [{ tenants: [] }, { tenants: ['x'] }, { audiences: [] }, { tokenKinds: ['jwt'] }, { more: 1 }])
      expect((await rig.tryInternal('PUT', '/exchange/clients/bad', rig.policy(change))).status).toBe(400);
    expect((await rig.tryInternal('GET', '/exchange/clients/bad')).status).toBe(404);
    expect((await fetch(`${rig.service.url}/internal/exchange/clients`)).status).toBe(401);
  });
});
