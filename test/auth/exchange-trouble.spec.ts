/** The token endpoint in trouble: two replicas, neighbours that are away, a tenant that means harm. */
import { nowSeconds } from '../guard/issuer.js';
import { CLIENT_ID } from '../support/auth-provider.js';
import { FakeKms } from './kms.js';
import { basic, formOf, ExchangeRig, SOURCE, type Answer } from './exchange-rig.js';
import { eventually, type Instance } from '../support/auth.js';

let rig: ExchangeRig;
let replica: Instance;
let beta: string;
const BETA = { host: 'beta.example.com' };
const BETA_ISSUER = 'https://beta.okta.com/oauth2/beta';

beforeAll(async () => {
  rig = await ExchangeRig.start();
  replica = await rig.auth.startService();
  // Under OKTA_ISSUER_OVERRIDE all orgs share an origin, so a server of its own tells this tenant's tokens apart.
  beta = await rig.auth.addTenant('beta', BETA.host, BETA_ISSUER);
  await rig.internal('PUT', `/tenants/${beta}/exchange/source`, {
    ...SOURCE,
    issuer: 'https://beta.okta.com/oauth2/apis',
  });
}, 120_000);
beforeEach(() => rig.reset());
afterAll(() => rig.close());

const outcome = ({ status, body, headers }: Answer): unknown[] => [status, body.error, headers['retry-after']];
const AWAY = [503, 'temporarily_unavailable', '5'];
const idForm = () => formOf(rig.idToken(), 'id_token');
const accessForm = () => formOf(rig.accessToken(), 'access_token');

describe('two replicas', () => {
  it('let exactly one of many exchanges of an ID token win', async () => {
    for (let round = 0; round < 3; round++) {
      const form = idForm();
      const everywhere = [rig.service, replica, rig.service, replica, rig.service, replica];
      const answers = await Promise.all(everywhere.map((service) => rig.exchange(form, undefined, { service })));
      expect(answers.map((a) => a.status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
    }
    const audited = await rig.auth.audit(`event like 'exchange%' and detail->>'oktaSub' = $1`, [rig.ada.externalId]);
    expect(audited.map((row) => row.code).sort()).toEqual([
      ...Array.from({ length: 3 }, () => 'id_token'),
      ...Array.from({ length: 15 }, () => 'token_replayed'),
    ]);
  });

  it('forget a client, and a tenant without a source, with the next request', async () => {
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
  it('that comes while Cognito makes the token wins: nothing is handed out, and the token is revoked', async () => {
    const { admin } = rig.auth;
    const revoked = (await rig.auth.cognitoCalls('RevokeToken')).length;
    const answered = (await rig.auth.cognitoCalls('AdminRespondToAuthChallenge')).length;
    // As the handler of the event does it: the row is locked, and the answer cannot be given before it is decided.
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

describe('a neighbour that is away means 503, Retry-After and another try:', () => {
  it('Cognito throttles; the ID token is given back', async () => {
    const form = idForm();
    await rig.auth.fault({ operation: 'AdminInitiateAuth', effect: 'throttle' });
    expect(outcome(await rig.exchange(form))).toEqual(AWAY);
    expect(await rig.lastAudit()).toMatchObject({ code: 'cognito_unavailable', detail: { client: 'billing' } });
    await rig.auth.noFaults();
    expect((await rig.exchange(form)).status).toBe(200);
  });

  it('Cognito refuses the person for good: no 503, and the ID token is used up', async () => {
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
  ])("Okta's introspection %s", async (_what, introspection) => {
    rig.op.introspection = introspection;
    expect(outcome(await rig.exchange(formOf('opaque', 'access_token')))).toEqual(AWAY);
    expect(await rig.lastAudit()).toMatchObject({ code: 'okta_unavailable', detail: { client: 'billing' } });
    rig.byIntrospection();
    expect((await rig.exchange(formOf('opaque', 'access_token'))).status).toBe(200);
  });

  it('Okta does not know our client any more: that is ours to mend, and no verdict on the token', async () => {
    rig.op.introspection = () => ({ status: 401, body: '{"error":"invalid_client"}' });
    const answer = await rig.exchange(formOf('opaque', 'access_token'));
    expect([answer.status, answer.body.error]).toEqual([500, 'server_error']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'not_configured', detail: { oidc: 'client_refused' } });
  });

  it('KMS does not sign; the ID token is given back', async () => {
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

  it('Secrets Manager, which has the secret for the introspection', async () => {
    const service = await rig.auth.startService({ SECRETS_MANAGER_ENDPOINT: 'http://127.0.0.1:9' });
    try {
      rig.byIntrospection();
      expect(outcome(await rig.exchange(formOf('opaque', 'access_token'), undefined, { service }))).toEqual(AWAY);
      expect((await rig.exchange(accessForm(), undefined, { service })).status).toBe(200);
    } finally {
      await service.stop();
    }
  });

  it('the database: nothing is issued, and all is well when it is back', async () => {
    const { admin } = rig.auth;
    const [form, access] = [idForm(), accessForm()];
    expect((await rig.exchange(access)).status).toBe(200);
    const [{ name } = { name: '' }] = await admin.query<{ name: string }>('select current_database() as name');
    // No new sessions but a superuser's; open ones end.
    await admin.query(`alter database ${name} connection limit 0`);
    try {
      const end = `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'auth_service' and datname = $1`;
      await admin.query(end, [name]);
      await eventually(async () => expect(outcome(await rig.exchange(access))).toEqual(AWAY));
      expect(outcome(await rig.exchange(form))).toEqual(AWAY);
    } finally {
      await admin.query(`alter database ${name} connection limit -1`);
    }
    await eventually(async () => expect((await rig.exchange(form)).status).toBe(200));
  }, 180_000);
});

describe('a hostile tenant', () => {
  const betasToken = (change: object = {}): string =>
    rig.accessToken({ iss: `${rig.op.origin}/oauth2/apis`, ...change });
  /** Beta's administrator can put any id into beta's tokens, also that of a person of somebody else's. */
  const betasIdToken = (): string => rig.idToken({ iss: `${rig.op.origin}/oauth2/beta` });

  it("has tokens that its own clients may exchange, for its own people, and that are none in another's house", async () => {
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
    // The client of one tenant with the other's tokens, at either door.
    expect((await rig.exchange(its, as)).body.error).toBe('unauthorized_client');
    expect((await rig.exchange(accessForm(), as, BETA)).body.error).toBe('invalid_request');
    expect((await rig.exchange(accessForm(), undefined, BETA)).body.error).toBe('unauthorized_client');
  });

  it("mints tokens about people of others: they are nobody's here, and not believed there", async () => {
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

  it("cannot use up another's ID token, nor name a server of another org", async () => {
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

  it("that moves to another org takes the old org's tokens no more, although they are still configured", async () => {
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

  it('is found by its host and by nothing else that a request says', async () => {
    const headers = { ...basic('billing', rig.secret), 'x-forwarded-host': BETA.host, forwarded: `host=${BETA.host}` };
    expect((await rig.exchange(accessForm(), headers)).status).toBe(200);
    const nowhere = await rig.exchange(accessForm(), undefined, { host: 'nobody.example.com' });
    expect([nowhere.status, nowhere.body.error]).toEqual([400, 'invalid_request']);
    expect(await rig.lastAudit()).toMatchObject({ code: 'unknown_site' });
  });
});
