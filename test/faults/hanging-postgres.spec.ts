/**
 * A Postgres that hangs without dying: every service answers 503 with Retry-After while it hangs, and readiness says so.
 * Nothing that was answered 2xx is lost (P1), and a repetition of what was answered 503 succeeds.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Health } from '#platform';
import { service as worker } from '../../apps/deactivation-worker/src/service.js';
import { service as identity } from '../../apps/identity-service/src/service.js';
import { HostileProvider } from '../support/auth-provider.js';
import { AuthRig, type Instance } from '../support/auth.js';
import { patchOp, startGateway, type Reply, type TestGateway, type TestTenant } from '../support/gateway.js';
import { HangingPostgres } from '../support/hanging-postgres.js';
import { startInProcess } from '../support/in-process.js';
import { TOKEN } from '../support/internal-api.js';
import { until } from '../support/waiting.js';
import { HubUnderTest } from '../tenants/hub.js';

/** Okta waits for a minute. Each answer must come long before, and while Postgres still hangs. */
const SOON_MS = 20_000;

async function expectUnavailable(answers: readonly Promise<{ status: number; retryAfter: unknown }>[]): Promise<void> {
  const late = { status: 0, retryAfter: 'no answer' };
  const got = await Promise.all(answers.map((answer) => Promise.race([answer, sleep(SOON_MS, late, { ref: false })])));
  for (const { status, retryAfter } of got) {
    expect(status).toBe(503);
    expect(retryAfter).toMatch(/^[1-9]\d*$/);
  }
}

describe('scim-gateway', () => {
  let postgres: HangingPostgres;
  let gateway: TestGateway;
  let tenant: TestTenant;
  beforeAll(async () => {
    postgres = new HangingPostgres();
    gateway = await startGateway({}, { through: postgres });
    tenant = await gateway.createTenant();
  });
  afterAll(async () => {
    postgres.recover();
    await gateway.close();
    await postgres.stop();
  });

  const scim = (reply: Promise<Reply>) =>
    reply.then(({ status, headers, body }) => {
      expect(body.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:Error']);
      return { status, retryAfter: headers['retry-after'] };
    });

  it('answers every verb 503, then loses nothing that it had confirmed, and accepts the repetitions', async () => {
    const user = (await tenant.send('POST', '/Users', { userName: 'before@x' })).body.id;
    const group = (await tenant.send('POST', '/Groups', { displayName: 'G', members: [{ value: user }] })).body.id;
    const flood = Array.from({ length: 30 }, (_, i) => tenant.send('POST', '/Users', { userName: `flood-${i}@x` }));
    await Promise.race(flood);
    postgres.hang();
    const requests: [string, string, unknown?][] = [
      ['GET', '/Users'],
      ['GET', `/Users/${user}`],
      ['GET', '/Groups?filter=displayName eq "G"'],
      ['POST', '/Users', { userName: 'during@x' }],
      ['PUT', `/Users/${user}`, { userName: 'before@x', title: 'Dr' }],
      ['PATCH', `/Users/${user}`, patchOp({ op: 'replace', value: { active: false } })],
      ['PUT', `/Groups/${group}`, { displayName: 'G', members: [] }],
      ['DELETE', `/Groups/${group}`],
    ];
    const send = () => requests.map(([method, path, body]) => tenant.send(method, encodeURI(path), body));
    await expectUnavailable(send().map(scim));
    // The second round meets a pool that already knows.
    await expectUnavailable(send().map(scim));
    const { ok } = await gateway.app.get(Health).report('ready');
    const caught = await Promise.all(flood);
    postgres.recover();
    expect(ok).toBe(false);
    await until('an answer', async () => (await tenant.send('GET', '/Users?count=1')).status === 200);
    for (const [i, { status }] of caught.entries()) {
      if (status === 201) continue;
      expect(status).toBe(503);
      const repeated = await tenant.send('POST', '/Users', { userName: `flood-${i}@x` });
      expect([repeated.status, repeated.body.userName]).toEqual([201, `flood-${i}@x`]);
    }
    for (const { body } of caught.filter(({ status }) => status === 201))
      expect((await tenant.send('GET', `/Users/${body.id}`)).status).toBe(200);
    expect((await tenant.send('GET', '/Users?filter=userName%20sw%20%22flood%22&count=1')).body.totalResults).toBe(30);
    expect((await gateway.app.get(Health).report('ready')).ok).toBe(true);
  });

  it('gives a person whose creation was answered 503 and stored to the repetition', async () => {
    const body = { userName: 'unknown-outcome@x', externalId: '00uX' };
    // The statement is stored, but its answer and everything after it hang.
    await gateway.sql('begin');
    await gateway.sql('lock table directory.users in share mode');
    const first = tenant.send('POST', '/Users', body);
    await until('the statement waits', async () => {
      const sql = "select 1 from pg_locks where not granted and relation = 'directory.users'::regclass";
      return (await gateway.sql(sql)).length > 0;
    });
    postgres.hang();
    await gateway.sql('commit');
    await expectUnavailable([scim(first)]);
    postgres.recover();
    await until('an answer', async () => (await tenant.send('GET', '/Users?count=1')).status === 200);
    const stored = await gateway.sql<{ id: string }>("select id from directory.users where external_id = '00uX'");
    expect(stored).toHaveLength(1);
    const second = await tenant.send('POST', '/Users', body);
    expect([second.status, second.body.id]).toEqual([201, stored[0]?.id]);
  });
});

describe('the other services', () => {
  let op: HostileProvider;
  let rig: AuthRig;
  let hub: HubUnderTest;
  let tenant: string;
  const postgres = { hub: new HangingPostgres(), rig: new HangingPostgres() };
  const started: Record<string, Instance> = {};
  beforeAll(async () => {
    op = await new HostileProvider().start();
    rig = await AuthRig.start(op.origin);
    hub = await HubUnderTest.start();
    const replica = await hub.replica({ DATABASE_URL: await postgres.hub.start(hub.database.url('integration-hub')) });
    started.hub = { url: replica.service.url, stop: () => replica.stop() };
    started.auth = await rig.startService({ DATABASE_URL: await postgres.rig.start(rig.test.url('auth-service')) });
    const environment = async (name: 'identity-service' | 'deactivation-worker', settings: object) => {
      const databaseUrl = await postgres.rig.start(rig.test.url(name));
      const all = { ...rig.environment, DATABASE_URL: databaseUrl, SCIM_GATEWAY_URL: 'http://127.0.0.1:1' };
      return Object.fromEntries(Object.entries(all).filter(([key]) => key in settings));
    };
    started.identity = await startInProcess(identity, await environment('identity-service', identity.config));
    started.worker = await startInProcess(worker, await environment('deactivation-worker', worker.config));
    tenant = await rig.addTenant('default', null);
    await rig.settingsKnown();
  }, 120_000);
  afterAll(async () => {
    postgres.hub.recover();
    postgres.rig.recover();
    for (const name of ['hub', 'identity', 'worker']) await started[name]?.stop();
    await rig.close();
    await hub.stop();
    await op.stop();
    await postgres.hub.stop();
    await postgres.rig.stop();
  });

  it('answer 503 on their internal APIs', async () => {
    const paths: [string, string, string][] = [
      ['hub', 'GET', '/internal/hub/tenants'],
      ['identity', 'GET', `/internal/tenants/${tenant}/accounts`],
      ['worker', 'GET', `/internal/tenants/${tenant}/cases`],
      ['worker', 'GET', '/internal/offboarding/percentiles?minutes=5'],
      ['auth', 'GET', '/internal/exchange/clients'],
    ];
    const ask = () =>
      paths.map(async ([service, method, path]) => {
        const response = await fetch(`${started[service]?.url}${path}`, {
          method,
          redirect: 'manual',
          headers: { authorization: `Bearer ${TOKEN}` },
        });
        await response.text();
        return { status: response.status, retryAfter: response.headers.get('retry-after') };
      });
    const healthy = async () => (await Promise.all(ask())).every(({ status }) => status === 200);
    await until('answers', healthy);
    postgres.hub.hang();
    postgres.rig.hang();
    await expectUnavailable(ask());
    await expectUnavailable(ask());
    postgres.hub.recover();
    postgres.rig.recover();
    await until('answers', healthy);
  }, 90_000);
});
