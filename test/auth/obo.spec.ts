/** The token endpoint, RFC 8693: whose tokens of Okta become tokens of Cognito, for whom, and what is refused. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { request as send } from 'node:http';
import { decodeJwt, exportJWK, SignJWT, type JWTPayload } from 'jose';
import { nowSeconds, signRs256, type Claims } from '../guard/issuer.js';
import { CLIENT_ID, CLIENT_SECRET, HostileProvider } from './hostile-provider.js';
import type { Person } from './people.js';
import { AuthRig, LOCAL, type Instance } from './rig.js';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const TYPE = 'urn:ietf:params:oauth:token-type:';
const ENDPOINT = `${LOCAL}/auth/okta/obo/token`;
const KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const SOURCE = {
  issuer: 'https://acme.okta.com/oauth2/default',
  audience: 'api://stackflow',
  clientIds: ['0oaweb'],
  scope: 'exchange',
};

let op: HostileProvider;
let rig: AuthRig;
let service: Instance;
let tenant: string;
let ada: Person;
let secret: string;

beforeAll(async () => {
  op = await new HostileProvider().start();
  rig = await AuthRig.start(op.origin);
  service = await rig.startService();
  tenant = await rig.addTenant('default', null);
  const policy = {
    tenants: [tenant],
    audiences: ['incidents'],
    tokenKinds: ['id_token', 'access_token', 'org_access_token'],
  };
  secret = (await internal('PUT', '/obo/clients/billing', policy)).clientSecret as string;
  const jwk = { ...(await exportJWK(KEY.publicKey)), kid: 'k1', alg: 'ES256' };
  await internal('PUT', '/obo/clients/reports', { ...policy, jwks: { keys: [jwk] } });
  await internal('PUT', `/tenants/${tenant}/obo/source`, SOURCE);
}, 120_000);
beforeEach(async () => {
  op.reset();
  await rig.noFaults();
  ada = await rig.addPerson(tenant);
  op.sub = ada.externalId ?? '';
});
afterAll(async () => {
  await rig.close();
  await op.stop();
});

async function internal(method: string, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${service.url}/internal${path}`, {
    method,
    headers: { authorization: 'Bearer internal-token-of-the-tests', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Record<string, unknown>;
}

/** Not fetch: it forbids setting Host. */
function post(form: string, headers: Record<string, string>, host = 'localhost:8080'): Promise<Answer> {
  const { hostname, port } = new URL(service.url);
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  const options = {
    method: 'POST',
    hostname,
    port,
    path: '/auth/okta/obo/token',
    headers: { ...type, host, ...headers },
  };
  return new Promise((resolve, reject) => {
    const sent = send(options, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
      });
    });
    sent.on('error', reject);
    sent.end(form);
  });
}

const basic = (id: string, password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
});
const formOf = (
  token: string,
  kind: 'access_token' | 'id_token',
  more: Record<string, string> = {},
): Record<string, string> => ({
  grant_type: GRANT,
  subject_token: token,
  subject_token_type: TYPE + kind,
  audience: 'incidents',
  ...more,
});
const exchange = (form: Record<string, string>, headers = basic('billing', secret)): Promise<Answer> =>
  post(new URLSearchParams(form).toString(), headers);
const idToken = (change: Claims = {}): string => op.sign(op.idTokenClaims(change));
const accessToken = (change: Claims = {}): string =>
  signRs256({ alg: 'RS256', kid: op.key.kid }, accessClaims(change), op.key.privateKey);
const accessClaims = (change: Claims): Claims => ({
  ver: 1,
  jti: `AT.${randomUUID()}`,
  iss: `${op.origin}/oauth2/default`,
  aud: SOURCE.audience,
  sub: 'ada@example.com',
  iat: nowSeconds(),
  exp: nowSeconds() + 3600,
  cid: '0oaweb',
  uid: ada.externalId,
  scp: ['openid', 'exchange'],
  ...change,
});
const byIntrospection = (change: Claims = {}): void => {
  const told = {
    active: true,
    client_id: CLIENT_ID,
    uid: ada.externalId,
    iat: nowSeconds(),
    exp: nowSeconds() + 3600,
    token_type: 'Bearer',
  };
  op.introspection = () => ({ body: JSON.stringify({ ...told, ...change }) });
};
const assertion = (change: JWTPayload = {}, key = KEY.privateKey): Promise<string> =>
  new SignJWT({ iss: 'reports', sub: 'reports', aud: ENDPOINT, jti: randomUUID(), exp: nowSeconds() + 60, ...change })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .sign(key);
const byKey = (jwt: string): Record<string, string> => ({
  client_assertion: jwt,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
});
const lastAudit = async () => (await rig.audit(`event like 'exchange%'`)).at(-1);

describe('a token exchange', () => {
  it.each(['id_token', 'access_token', 'org_access_token'] as const)('takes a token of the kind %s', async (kind) => {
    byIntrospection();
    const token = { id_token: idToken, access_token: accessToken, org_access_token: () => 'opaque' }[kind]();
    const answer = await exchange(formOf(token, kind === 'id_token' ? kind : 'access_token'));
    expect([answer.status, answer.body]).toMatchObject([
      200,
      { issued_token_type: `${TYPE}access_token`, token_type: 'Bearer' },
    ]);
    expect(Object.keys(answer.body).sort()).toEqual([
      'access_token',
      'expires_in',
      'issued_token_type',
      'scope',
      'token_type',
    ]);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(decodeJwt(answer.body.access_token as string)).toMatchObject({
      username: ada.id,
      tenant_id: tenant,
      act: { sub: 'billing' },
    });
    expect(await lastAudit()).toMatchObject({
      event: 'exchange',
      code: kind,
      account_id: ada.id,
      detail: { client: 'billing', act: 'billing', audience: 'incidents' },
    });
    if (kind !== 'org_access_token') return;
    const asked = op.exchanges[0];
    expect(asked?.form.get('token')).toBe('opaque');
    expect(asked?.authorization).toBe(
      basic(CLIENT_ID, new URLSearchParams({ '': CLIENT_SECRET }).toString().slice(1)).authorization,
    );
  });

  it('takes an ID token once, also when asked twice at the same time, and an access token as often as it lives', async () => {
    const form = formOf(idToken(), 'id_token');
    const answers = await Promise.all([exchange(form), exchange(form)]);
    expect(answers.map((a) => a.status).sort()).toEqual([200, 400]);
    expect((await exchange(form)).body.error).toBe('invalid_request');
    const access = formOf(accessToken(), 'access_token');
    expect([(await exchange(access)).status, (await exchange(access)).status]).toEqual([200, 200]);
  });

  it('gives an ID token back that Cognito had no time for', async () => {
    const form = formOf(idToken(), 'id_token');
    await rig.fault({ operation: 'AdminInitiateAuth', effect: 'throttle' });
    const busy = await exchange(form);
    expect([busy.status, busy.body.error, busy.headers['retry-after']]).toEqual([503, 'temporarily_unavailable', '5']);
    await rig.noFaults();
    expect((await exchange(form)).status).toBe(200);
  });

  it('is for people with access: not for unknown, inactive and fenced ones', async () => {
    expect((await exchange(formOf(idToken({ sub: '00unobody' }), 'id_token'))).body.error).toBe('invalid_request');
    await rig.people.publishAccess(ada, { notBefore: new Date(Date.now() + 60_000).toISOString() });
    await rig.handled();
    expect((await exchange(formOf(accessToken(), 'access_token'))).status).toBe(400);
    expect(await lastAudit()).toMatchObject({ code: 'person_refused', detail: { person: 'account_fenced' } });
    await rig.people.publishAccess({ ...ada, status: 'inactive' });
    await rig.handled();
    expect((await exchange(formOf(accessToken(), 'access_token'))).status).toBe(400);
    expect(await lastAudit()).toMatchObject({ code: 'person_refused', detail: { person: 'account_inactive' } });
  });

  it('waits while somebody is being logged out everywhere, and the token is good afterwards', async () => {
    const form = formOf(idToken(), 'id_token');
    const set = (value: string): Promise<unknown> =>
      rig.admin.query(`update auth.account set signing_out = ${value}, signing_out_due_at = 'infinity' where id = $1`, [
        ada.id,
      ]);
    await set('gen_random_uuid()');
    const held = await exchange(form);
    expect([held.status, held.body.error, held.headers['retry-after']]).toEqual([503, 'temporarily_unavailable', '5']);
    expect(await lastAudit()).toMatchObject({ code: 'signing_out' });
    await set('null');
    expect((await exchange(form)).status).toBe(200);
  });

  it('gives out no token that every service would refuse', async () => {
    const at = nowSeconds() + 30;
    await rig.people.publishAccess(ada, { notBefore: new Date(at * 1000).toISOString() });
    await rig.handled();
    const revoked = (await rig.cognitoCalls('RevokeToken')).length;
    // Okta's clock is ahead and says that it was afterwards; Cognito's says that it was before.
    const answer = await exchange(formOf(idToken({ iat: at + 5 }), 'id_token'));
    expect([answer.status, answer.body.error]).toEqual([503, 'temporarily_unavailable']);
    expect((await rig.cognitoCalls('RevokeToken')).length).toBe(revoked + 1);
  });

  it('stops a client that loops', async () => {
    const form = formOf(accessToken(), 'access_token');
    const answers = await Promise.all(Array.from({ length: 60 }, () => exchange(form)));
    const refused = answers.filter((a) => a.status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers['retry-after']).toMatch(/^\d+$/);
  }, 120_000);
});

describe('a subject token is refused', () => {
  it.each<[string, Claims]>([
    ['for another client', { aud: '0oaother' }],
    ['from more than five minutes ago', { iat: nowSeconds() - 400 }],
    ['that has expired', { iat: nowSeconds() - 120, exp: nowSeconds() - 100 }],
    ['of another issuer', { iss: 'https://evil.okta.com' }],
    ['without a jti', { jti: undefined }],
    ['that is an access token in disguise', { cid: '0oaweb' }],
  ])('as an ID token %s', async (_what, change) => {
    const answer = await exchange(formOf(idToken(change), 'id_token'));
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
  });

  it.each<[string, Claims]>([
    ['for another API', { aud: 'api://other' }],
    ['of another client', { cid: '0oaother' }],
    ['without our scope', { scp: ['openid'] }],
    ['of a machine: without a person', { uid: undefined }],
    ['that has expired', { exp: nowSeconds() - 100 }],
    ['of another server', { iss: 'https://evil.okta.com/oauth2/default' }],
  ])('as an access token %s', async (_what, change) => {
    const answer = await exchange(formOf(accessToken(change), 'access_token'));
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
  });

  it('as an access token whose login, but not whose uid, is the person', async () => {
    const token = accessToken({ sub: ada.externalId, uid: '00usomebodyelse' });
    expect((await exchange(formOf(token, 'access_token'))).status).toBe(400);
  });

  it('with a foreign key under a known kid', async () => {
    const forged = signRs256({ alg: 'RS256', kid: op.key.kid }, accessClaims({}), op.secondKey.privateKey);
    expect((await exchange(formOf(forged, 'access_token'))).status).toBe(400);
    expect(await lastAudit()).toMatchObject({ code: 'token_refused', detail: { oidc: 'signature_invalid' } });
  });

  it.each<[string, Claims]>([
    ['does not know', { active: false }],
    ['gave to another client', { client_id: '0oaother' }],
    ['gave to no person', { uid: undefined }],
    ['calls no access token', { token_type: undefined }],
  ])('as an org token that Okta %s', async (_what, change) => {
    byIntrospection(change);
    expect((await exchange(formOf('opaque', 'access_token'))).body.error).toBe('invalid_request');
  });

  it('as what its type says that it is not', async () => {
    expect((await exchange(formOf(idToken(), 'access_token'))).status).toBe(400);
    expect((await exchange(formOf(accessToken(), 'id_token'))).status).toBe(400);
  });
});

describe('a client', () => {
  const form = (more: Record<string, string> = {}): Record<string, string> =>
    formOf(accessToken(), 'access_token', more);

  it('proves itself by a key, once per assertion', async () => {
    const proof = byKey(await assertion());
    expect((await exchange(form(proof), {})).status).toBe(200);
    const again = await exchange(form(proof), {});
    expect([again.status, again.body.error]).toEqual([401, 'invalid_client']);
    expect(await lastAudit()).toMatchObject({ code: 'assertion_replayed' });
  });

  it.each<[string, JWTPayload]>([
    ['for another endpoint', { aud: `${LOCAL}/auth/other` }],
    ['of somebody else', { sub: 'billing' }],
    ['that lives too long', { exp: nowSeconds() + 3_600 }],
    ['that has expired', { exp: nowSeconds() - 60 }],
    ['without a jti', { jti: undefined }],
  ])('is refused with an assertion %s', async (_what, change) => {
    const answer = await exchange(form(byKey(await assertion(change))), {});
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
  });

  it('is refused with a foreign key, a wrong secret, no secret, and as nobody', async () => {
    const foreign = await assertion({}, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const answers = [
      await exchange(form(byKey(foreign)), {}),
      await exchange(form(), basic('billing', 'wrong')),
      await exchange(form(), basic('reports', 'it has none')),
      await exchange(form(), basic('nobody', secret)),
      await exchange(form(), {}),
    ];
    expect(answers.map((a) => [a.status, a.body.error])).toEqual(answers.map(() => [401, 'invalid_client']));
    expect(answers[0]?.headers['www-authenticate']).toMatch(/^Basic /);
  });

  it('gets what its policy says, and no more', async () => {
    const policy = { tenants: [tenant], audiences: ['incidents'], tokenKinds: ['id_token'] };
    const { clientSecret } = await internal('PUT', '/obo/clients/narrow', policy);
    const { clientSecret: stranger } = await internal('PUT', '/obo/clients/stranger', {
      ...policy,
      tenants: [randomUUID()],
    });
    const errors = [
      await exchange(form(), basic('narrow', clientSecret as string)),
      await exchange(form(), basic('stranger', stranger as string)),
      await exchange(form({ audience: 'payroll' })),
      await exchange(form({ scope: 'admin' })),
      await exchange(form({ resource: 'https://x.example' })),
    ].map((a) => [a.status, a.body.error]);
    expect(errors).toEqual(
      ['unauthorized_client', 'unauthorized_client', 'invalid_target', 'invalid_scope', 'invalid_target'].map((e) => [
        400,
        e,
      ]),
    );
  });

  it('is told what is wrong with its form', async () => {
    const twice = `${new URLSearchParams(form()).toString()}&audience=payroll`;
    const errors = [
      await post(twice, basic('billing', secret)),
      await exchange(form({ grant_type: 'password' })),
      await exchange(form({ requested_token_type: `${TYPE}refresh_token` })),
      await exchange(form({ actor_token: 'x' })),
      await exchange(form({ client_id: 'reports' })),
      await exchange(form(byKey(await assertion()))),
      await post('{}', { ...basic('billing', secret), 'content-type': 'application/json' }),
    ].map((a) => [a.status, a.body.error]);
    expect(errors).toEqual(
      [400, 400, 400, 400, 400, 400, 400].map((s, i) => [s, i === 1 ? 'unsupported_grant_type' : 'invalid_request']),
    );
  });
});
