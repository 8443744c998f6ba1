/** The token endpoint with two replicas, with failing neighbours, and with a hostile tenant. */
import { nowSeconds } from '../guard/issuer.js';
import { CLIENT_ID } from '../support/auth-provider.js';
import { FakeKms } from './kms.js';
import { basic, exchangeRig, formOf, SOURCE, type Answer } from './exchange-rig.js';
import { eventually } from '../support/waiting.js';

const BETA = { host: 'beta.example.com' };
const BETA_ISSUER = 'https://beta.okta.com/oauth2/beta';

const rig = await exchangeRig();
const replica = await rig.auth.startService();
// Under OKTA_ISSUER_OVERRIDE all orgs share an origin, so this tenant has an authorization server of its own.
const beta = await rig.auth.addTenant('beta', BETA.host, BETA_ISSUER);
await rig.internal('PUT', `/tenants/${beta}/exchange/source`, {
  ...SOURCE,
  issuer: 'https://beta.okta.com/oauth2/apis',
});

const outcome = ({ status, body, headers }: Answer): unknown[] => [status, body.error, headers['retry-after']];
const AWAY = [503, 'temporarily_unavailable', '5'];
const idForm = () => formOf(rig.idToken(), 'id_token');
const accessForm = () => formOf(rig.accessToken(), 'access_token');

describe('two replicas', () => {
  it('accept exactly one of many exchanges of an ID token', async () => {
    for (let round = 0; round < 3; round++) {
      const form = idForm();
      const everywhere = [rig.service, replica, rig.service, replica, rig.service, replica];
      const answers = await Promise.all(everywhere.map((service) => rig.exchange(form, undefined, { service })));
      expect(answers.map((a) => a.status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
    }
    const audited = await rig.auth.audit(`event in ('exchange', 'exchange_refused') and detail->>'oktaSub' = $1`, [
      rig.ada.externalId,
    ]);
    expect(audited.map((row) => row.code).sort()).toEqual([
      ...Array.from({ length: 3 }, () => 'id_token'),
      ...Array.from({ length: 15 }, () => 'token_replayed'),
    ]);
  });

  it('refuse a removed client, and tokens of a removed source, at the next request', async () => {
    const { clientSecret } = await rig.internal('POST', '/exchange/clients/brief', rig.policy());
    const as = basic('brief', clientSecret as string);
    expect((await rig.exchange(accessForm(), as, { service: replica })).status).toBe(200);
    await rig.internal('DELETE', `/tenants/${rig.tenant}/exchange/source`);
    expect((await rig.exchange(accessForm(), as, { service: replica })).status).toBe(400);
    await rig.internal('PUT', `/tenants/${rig.tenant}/exchange/source`, SOURCE);
    await rig.internal('DELETE', '/exchange/clients/brief');
    expect((await rig.exchange(accessForm(), as, { service: replica })).status).toBe(401);
  });
});

describe('an offboarding', () => {
  it('during an exchange refuses it and revokes the token that Cognito issued', async () => {
    const { admin } = rig.auth;
    const revoked = (await rig.auth.cognitoCalls('RevokeToken')).length;
    const answered = (await rig.auth.cognitoCalls('AdminRespondToAuthChallenge')).length;
    // Locks the row like the handler of the event, so the exchange must wait for its commit.
    const exchange = await admin.tx(async (tx) => {
      await tx.query('select 1 from auth.account where id = $1 for update', [rig.ada.id]);
      const asked = rig.exchange(idForm());
      await eventually(async () => {
        const calls = await rig.auth.cognitoCalls('AdminRespondToAuthChallenge');
        expect(calls.length).toBeGreaterThan(answered);
      });
      await tx.query(
        `update auth.account set access_status = 'inactive', access_version = access_version + 1 where id = $1`,
        [rig.ada.id],
      );
      return { asked };
    });
    const { status, body } = await exchange.asked;
    expect([status, body.error]).toEqual([400, 'invalid_request']);
    expect(await rig.lastAudit()).toMatchObject({
      code: 'person_refused',
      detail: { client: 'billing', person: 'account_inactive' },
    });
    expect((await rig.auth.cognitoCalls('RevokeToken')).length).toBe(revoked + 1);
  });
});

describe('a failing neighbour', () => {
  it('answers 503 while Cognito throttles, and the ID token can be used again', async () => {
    const form = idForm();
    await rig.auth.fault({ operation: 'AdminInitiateAuth', effect: 'throttle' });
    expect(outcome(await rig.exchange(form))).toEqual(AWAY);
    expect(await rig.lastAudit()).toMatchObject({ code: 'cognito_unavailable', detail: { client: 'billing' } });
    await rig.auth.noFaults();
    expect((await rig.exchange(form)).status).toBe(200);
  });

  it('answers 400 when Cognito refuses the person, and the ID token stays spent', async () => {
    const form = idForm();
    await rig.auth.people.disableUser(rig.ada);
    expect((await rig.exchange(form)).body.error).toBe('invalid_request');
    expect(await rig.lastAudit()).toMatchObject({ code: 'exchange_refused' });
    expect((await rig.exchange(form)).body.error).toBe('invalid_request');
    expect(await rig.lastAudit()).toMatchObject({ code: 'token_replayed' });
  });

  it.each<[string, () => 'hang' | { status: number; body: string }]>([
    ['gives no answer', () => 'hang'],
    ['fails', () => ({ status: 502, body: 'bad gateway' })],
    ['is throttled', () => ({ status: 429, body: '{"errorCode":"E0000047"}' })],
  ])("answers 503 when Okta's introspection %s, and accepts the token afterwards", async (_what, introspection) => {
    rig.op.introspection = introspection;
    expect(outcome(await rig.exchange(formOf('opaque', 'access_token')))).toEqual(AWAY);
    expect(await rig.lastAudit()).toMatchObject({ code: 'okta_unavailable', detail: { client: 'billing' } });
    rig.byIntrospection();
    expect((await rig.exchange(formOf('opaque', 'access_token'))).status).toBe(200);
  });

  it('answers 500 when Okta does not know our client', async () => {
    rig.op.introspection = () => ({ status: 401, body: '{"error":"invalid_client"}' });
    const answer = await rig.exchange(formOf('opaque', 'access_token'));
    expect([answer.status, answer.body.error]).toEqual([500, 'server_error']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'not_configured', detail: { oidc: 'client_refused' } });
  });

  it('answers 503 when KMS does not sign, and the ID token can be used again', async () => {
    const [kms, key] = [new FakeKms(), 'arn:aws:kms:us-east-1:111122223333:key/first'];
    kms.addKey(key);
    const keys = { ASSERTION_KEY_FILES: '', ASSERTION_KMS_KEYS: key, KMS_ENDPOINT: await kms.start() };
    const service = await rig.auth.startService(keys);
    try {
      kms.mode = 'denied';
      const form = idForm();
      expect(outcome(await rig.exchange(form, undefined, { service }))).toEqual(AWAY);
      expect(await rig.lastAudit()).toMatchObject({ code: 'unavailable', detail: { client: 'billing' } });
      expect((await rig.exchange(form)).status).toBe(200);
    } finally {
      await service.stop();
      await kms.stop();
    }
  });

  it('answers 503 without Secrets Manager, which stores the secret for the introspection', async () => {
    const service = await rig.auth.startService({ SECRETS_MANAGER_ENDPOINT: 'http://127.0.0.1:9' });
    try {
      rig.byIntrospection();
      expect(outcome(await rig.exchange(formOf('opaque', 'access_token'), undefined, { service }))).toEqual(AWAY);
      expect((await rig.exchange(accessForm(), undefined, { service })).status).toBe(200);
    } finally {
      await service.stop();
    }
  });

  it('answers 503 without the database, and works again when it is back', async () => {
    const { admin } = rig.auth;
    const [form, access] = [idForm(), accessForm()];
    expect((await rig.exchange(access)).status).toBe(200);
    const [{ name } = { name: '' }] = await admin.query<{ name: string }>('select current_database() as name');
    // Only superusers may connect, and open connections end.
    await admin.query(`alter database ${name} connection limit 0`);
    try {
      const end = `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'auth_service' and datname = $1`;
      await admin.query(end, [name]);
      await eventually(async () => expect(outcome(await rig.exchange(access))).toEqual(AWAY), 60_000);
      expect(outcome(await rig.exchange(form))).toEqual(AWAY);
    } finally {
      await admin.query(`alter database ${name} connection limit -1`);
    }
    await eventually(async () => expect((await rig.exchange(form)).status).toBe(200), 60_000);
  }, 180_000);
});

describe('a hostile tenant', () => {
  const betasToken = (change: object = {}): string =>
    rig.accessToken({ iss: `${rig.op.origin}/oauth2/apis`, ...change });
  /** Beta's administrator can put any id into beta's tokens, also the id of another tenant's person. */
  const betasIdToken = (): string => rig.idToken({ iss: `${rig.op.origin}/oauth2/beta` });

  it('has tokens that only its own clients may exchange, and only for its own people', async () => {
    const { clientSecret } = await rig.internal('POST', '/exchange/clients/betas', rig.policy({ tenants: [beta] }));
    const [as, bob] = [basic('betas', clientSecret as string), await rig.auth.addPerson(beta)];
    const its = formOf(betasToken({ uid: bob.externalId }), 'access_token');
    expect((await rig.exchange(its, as, BETA)).status).toBe(200);
    expect(
      (
        await rig.exchange(
          formOf(rig.idToken({ iss: `${rig.op.origin}/oauth2/beta`, sub: bob.externalId }), 'id_token'),
          as,
          BETA,
        )
      ).status,
    ) //
      .toBe(200);
    // The client of one tenant with the other's tokens, at the endpoint of each.
    expect((await rig.exchange(its, as)).body.error).toBe('unauthorized_client');
    expect((await rig.exchange(accessForm(), as, BETA)).body.error).toBe('invalid_request');
    expect((await rig.exchange(accessForm(), undefined, BETA)).body.error).toBe('unauthorized_client');
  });

  it('cannot use tokens about people of other tenants, at its own endpoint or at theirs', async () => {
    const both = (await rig.internal('POST', '/exchange/clients/both', rig.policy({ tenants: [rig.tenant, beta] })))
      .clientSecret as string;
    const as = basic('both', both);
    const forged = [
      [formOf(betasToken(), 'access_token'), BETA, 'person_refused'],
      [formOf(betasIdToken(), 'id_token'), BETA, 'person_refused'],
      [formOf(betasToken(), 'access_token'), {}, 'token_refused'],
      [formOf(betasIdToken(), 'id_token'), {}, 'token_refused'],
    ] as const;
    for (const [form, where, code] of forged) {
      expect((await rig.exchange(form, as, where)).body.error).toBe('invalid_request');
      expect(await rig.lastAudit()).toMatchObject({ code, detail: { client: 'both' } });
    }
    expect((await rig.exchange(accessForm(), as)).status).toBe(200);
  });

  it("cannot spend another tenant's ID token or configure a server of another org", async () => {
    const jti = `ID.${nowSeconds()}`;
    const bob = await rig.auth.addPerson(beta);
    const { clientSecret } = await rig.internal('PUT', '/exchange/clients/copycat', rig.policy({ tenants: [beta] }));
    const iss = `${rig.op.origin}/oauth2/beta`;
    const copy = formOf(rig.idToken({ jti, iss, sub: bob.externalId }), 'id_token');
    expect((await rig.exchange(copy, basic('copycat', clientSecret as string), BETA)).status).toBe(200);
    expect((await rig.exchange(formOf(rig.idToken({ jti }), 'id_token'))).status).toBe(200);
    for (const issuer of [SOURCE.issuer, 'https://beta.okta.com', 'https://evil.example/oauth2/default', 'http://x'])
      expect((await rig.tryInternal('PUT', `/tenants/${beta}/exchange/source`, { ...SOURCE, issuer })).status).toBe(
        400,
      );
  });

  it('that moves to another org no longer accepts tokens of the old org, even if still configured', async () => {
    const where = { host: 'moving.example.com' };
    const sso = (org: string) => ({ issuer: `https://${org}.okta.com/oauth2/moving`, clientId: CLIENT_ID });
    const moving = await rig.auth.addTenant('moving', where.host, sso('before').issuer);
    await rig.internal('PUT', `/tenants/${moving}/exchange/source`, {
      ...SOURCE,
      issuer: 'https://before.okta.com/oauth2/apis',
    });
    const { clientSecret } = await rig.internal('POST', '/exchange/clients/movers', rig.policy({ tenants: [moving] }));
    const [as, bob] = [basic('movers', clientSecret as string), await rig.auth.addPerson(moving)];
    const form = formOf(betasToken({ uid: bob.externalId }), 'access_token');
    expect((await rig.exchange(form, as, where)).status).toBe(200);
    await rig.auth.people.publishSettings(moving, 'moving', { host: where.host, sso: sso('after') });
    await rig.auth.settingsKnown();
    expect((await rig.exchange(form, as, where)).body.error).toBe('invalid_request');
    expect(await rig.lastAudit()).toMatchObject({ code: 'token_refused', detail: { oidc: 'inactive' } });
  });

  it('is found only by the Host header', async () => {
    const headers = { ...basic('billing', rig.secret), 'x-forwarded-host': BETA.host, forwarded: `host=${BETA.host}` };
    expect((await rig.exchange(accessForm(), headers)).status).toBe(200);
    const nowhere = await rig.exchange(accessForm(), undefined, { host: 'nobody.example.com' });
    expect([nowhere.status, nowhere.body.error]).toEqual([400, 'invalid_request']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'unknown_site' });
  });
});
