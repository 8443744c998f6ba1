/** The token endpoint, RFC 8693: the Okta tokens that it accepts and refuses. */
import { decodeJwt } from 'jose';
import { sweepSpentTokens } from '../../apps/auth-service/src/exchange/spent-tokens.js';
import { nowSeconds, type Claims } from '../guard/issuer.js';
import { CLIENT_ID, CLIENT_SECRET } from '../support/auth-provider.js';
import { basic, formOf, exchangeRig, TYPE } from './exchange-rig.js';

const rig = await exchangeRig();

describe('a token exchange', () => {
  it.each(['id_token', 'access_token', 'org_access_token'] as const)('accepts a token of the kind %s', async (kind) => {
    rig.byIntrospection();
    const tokens = {
      id_token: () => rig.idToken(),
      access_token: () => rig.accessToken(),
      org_access_token: () => 'opaque',
    };
    const token = tokens[kind]();
    const answer = await rig.exchange(formOf(token, kind === 'id_token' ? kind : 'access_token'));
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
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
    const issued = decodeJwt(answer.body.access_token as string);
    expect(issued).toMatchObject({
      username: rig.ada.id,
      tenant_id: rig.tenant,
      act: { sub: 'billing' },
      exchange_audience: 'incidents',
    });
    const audited = await rig.lastAudit();
    expect(audited).toMatchObject({
      event: 'exchange',
      code: kind,
      tenant: rig.tenant,
      account_id: rig.ada.id,
      detail: {
        client: 'billing',
        act: 'billing',
        audience: 'incidents',
        oktaSub: rig.ada.externalId,
        issuedJti: issued.jti,
      },
    });
    if (kind !== 'org_access_token') expect(audited?.detail.jti).toBe(decodeJwt(token).jti);
    expect(JSON.stringify(audited)).not.toContain(answer.body.access_token);
    if (kind !== 'org_access_token') return;
    const asked = rig.op.exchanges[0];
    expect(asked?.form.get('token')).toBe('opaque');
    expect(asked?.authorization).toBe(
      basic(CLIENT_ID, new URLSearchParams({ '': CLIENT_SECRET }).toString().slice(1)).authorization,
    );
  });

  it('accepts an ID token once, and an access token until it expires', async () => {
    const form = formOf(rig.idToken(), 'id_token');
    expect((await rig.exchange(form)).status).toBe(200);
    expect((await rig.exchange(form)).body.error).toBe('invalid_request');
    expect(await rig.lastAudit()).toMatchObject({
      event: 'exchange_refused',
      code: 'token_replayed',
      detail: { client: 'billing', oktaSub: rig.ada.externalId },
    });
    const access = formOf(rig.accessToken(), 'access_token');
    expect([(await rig.exchange(access)).status, (await rig.exchange(access)).status]).toEqual([200, 200]);
  });

  it('remembers a used ID token as long as the clock skew would still accept it', async () => {
    const form = formOf(rig.idToken({ iat: nowSeconds() - 90, exp: nowSeconds() - 30 }), 'id_token');
    expect((await rig.exchange(form)).status).toBe(200);
    await sweepSpentTokens(rig.auth.admin);
    // On a very slow machine the token has expired by now, and is refused as well.
    expect((await rig.exchange(form)).status).toBe(400);
  });

  it('refuses unknown, inactive and fenced people', async () => {
    expect((await rig.exchange(formOf(rig.idToken({ sub: '00unobody' }), 'id_token'))).body.error).toBe(
      'invalid_request',
    );
    const { people } = rig.auth;
    await people.publishAccess(rig.ada, { notBefore: new Date(Date.now() + 60_000).toISOString() });
    await rig.auth.handled();
    expect((await rig.exchange(formOf(rig.accessToken(), 'access_token'))).status).toBe(400);
    expect(await rig.lastAudit()).toMatchObject({ code: 'person_refused', detail: { person: 'account_fenced' } });
    await people.publishAccess({ ...rig.ada, status: 'inactive' });
    await rig.auth.handled();
    expect((await rig.exchange(formOf(rig.accessToken(), 'access_token'))).status).toBe(400);
    expect(await rig.lastAudit()).toMatchObject({ code: 'person_refused', detail: { person: 'account_inactive' } });
  });

  it('answers 503 while the person is being signed out everywhere, and accepts the same token afterwards', async () => {
    const form = formOf(rig.idToken(), 'id_token');
    const set = (value: string): Promise<unknown> =>
      rig.auth.admin.query(
        `update auth.account set signing_out = ${value}, signing_out_due_at = 'infinity' where id = $1`,
        [rig.ada.id],
      );
    await set('gen_random_uuid()');
    const held = await rig.exchange(form);
    expect([held.status, held.body.error, held.headers['retry-after']]).toEqual([503, 'temporarily_unavailable', '5']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'signing_out' });
    await set('null');
    expect((await rig.exchange(form)).status).toBe(200);
  });

  it('revokes a Cognito token from before the fence and answers 503', async () => {
    const at = nowSeconds() + 30;
    await rig.auth.people.publishAccess(rig.ada, { notBefore: new Date(at * 1000).toISOString() });
    await rig.auth.handled();
    const revoked = (await rig.auth.cognitoCalls('RevokeToken')).length;
    // Okta's fast clock stamps the ID token after the fence; Cognito's clock stamps its token before.
    const answer = await rig.exchange(formOf(rig.idToken({ iat: at + 5 }), 'id_token'));
    expect([answer.status, answer.body.error]).toEqual([503, 'temporarily_unavailable']);
    expect((await rig.auth.cognitoCalls('RevokeToken')).length).toBe(revoked + 1);
  });

  it('answers 503 at once for a person whose account is being set up', async () => {
    const person = rig.auth.people.make(rig.tenant);
    await rig.auth.people.publishUser(person);
    await rig.auth.handled();
    const answer = await rig.exchange(formOf(rig.idToken({ sub: person.externalId }), 'id_token'));
    expect([answer.status, answer.body.error, answer.headers['retry-after']]).toEqual([
      503,
      'temporarily_unavailable',
      '5',
    ]);
  });

  it('limits the rate per client and person', async () => {
    const other = await rig.auth.addPerson(rig.tenant);
    const form = formOf(rig.accessToken(), 'access_token');
    const others = formOf(rig.accessToken({ uid: other.externalId }), 'access_token');
    const { clientSecret } = await rig.internal('POST', '/exchange/clients/patient', rig.policy());
    const patient = basic('patient', clientSecret as string);
    const loop = Array.from({ length: 60 }, () => rig.exchange(form));
    const orders = Array.from({ length: 15 }, () => [rig.exchange(others), rig.exchange(form, patient)]);
    const honest = await Promise.all(orders.flat());
    expect(honest.map((a) => a.status)).toEqual(honest.map(() => 200));
    const refused = (await Promise.all(loop)).filter((a) => a.status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers['retry-after']).toMatch(/^\d+$/);
  }, 120_000);
});

describe('a subject token is refused', () => {
  it.each<[string, Claims, string]>([
    ['for another client', { aud: '0oaother' }, 'audience_mismatch'],
    ['from more than five minutes ago', { iat: nowSeconds() - 400 }, 'too_old'],
    ['that has expired', { iat: nowSeconds() - 120, exp: nowSeconds() - 100 }, 'expired'],
    ['of another issuer', { iss: 'https://evil.okta.com' }, 'issuer_mismatch'],
  ])('as an ID token %s', async (_what, change, oidc) => {
    const answer = await rig.exchange(formOf(rig.idToken(change), 'id_token'));
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'token_refused', detail: { client: 'billing', oidc } });
  });

  it.each<[string, Claims]>([
    ['without a jti', { jti: undefined }],
    ['that is an access token in disguise', { cid: '0oaweb' }],
    ['that has the scopes of an access token', { scp: ['openid'] }],
    ['that has the uid of an access token', { uid: '00u1' }],
  ])('as an ID token %s', async (_what, change) => {
    const answer = await rig.exchange(formOf(rig.idToken(change), 'id_token'));
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'token_refused', detail: { client: 'billing' } });
  });

  it.each<[string, Claims, string]>([
    ['for another API', { aud: 'api://other' }, 'audience_mismatch'],
    ['of another client', { cid: '0oaother' }, 'client_mismatch'],
    ['without our scope', { scp: ['openid'] }, 'scope_missing'],
    ['of a machine, without a uid', { uid: undefined }, 'claim_invalid'],
    ['that has expired', { exp: nowSeconds() - 100 }, 'expired'],
    // The server is not configured, so the org is asked, and it does not know the token.
    ['of another server', { iss: 'https://evil.okta.com/oauth2/default' }, 'inactive'],
  ])('as an access token %s', async (_what, change, oidc) => {
    const answer = await rig.exchange(formOf(rig.accessToken(change), 'access_token'));
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'token_refused', detail: { client: 'billing', oidc } });
  });

  it('as an access token with the person as sub, but another uid', async () => {
    const token = rig.accessToken({ sub: rig.ada.externalId, uid: '00usomebodyelse' });
    expect((await rig.exchange(formOf(token, 'access_token'))).status).toBe(400);
    expect(await rig.lastAudit()).toMatchObject({ code: 'person_refused', detail: { person: 'unknown_person' } });
  });

  it('signed by a foreign key under a published key id', async () => {
    const forged = rig.accessToken({}, rig.op.secondKey);
    expect((await rig.exchange(formOf(forged, 'access_token'))).status).toBe(400);
    expect(await rig.lastAudit()).toMatchObject({ code: 'token_refused', detail: { oidc: 'signature_invalid' } });
  });

  it.each<[string, Claims, string]>([
    ['does not know', { active: false }, 'inactive'],
    ['issued to another client', { client_id: '0oaother' }, 'client_mismatch'],
    ['issued to no person', { uid: undefined }, 'claim_invalid'],
    ['does not call an access token', { token_type: undefined }, 'claim_invalid'],
  ])('as an org token that Okta %s', async (_what, change, oidc) => {
    rig.byIntrospection(change);
    expect((await rig.exchange(formOf('opaque', 'access_token'))).body.error).toBe('invalid_request');
    expect(await rig.lastAudit()).toMatchObject({ code: 'token_refused', detail: { oidc } });
  });

  it('of another kind than subject_token_type names', async () => {
    rig.byIntrospection();
    expect((await rig.exchange(formOf(rig.idToken(), 'access_token'))).status).toBe(400);
    expect((await rig.exchange(formOf(rig.accessToken(), 'id_token'))).status).toBe(400);
    expect((await rig.exchange(formOf('opaque', 'id_token'))).status).toBe(400);
  });

  it('that is malformed in any way', async () => {
    for (const token of ['.', '..', 'a.b.c', '\u0000', 'ä'.repeat(100), 'x'.repeat(19_000), `${rig.accessToken()}x`])
      for (const kind of ['access_token', 'id_token'] as const) {
        const { status, body } = await rig.exchange(formOf(token, kind));
        expect([token.slice(0, 20), status, body.error]).toEqual([token.slice(0, 20), 400, 'invalid_request']);
      }
  });
});
