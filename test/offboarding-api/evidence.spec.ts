/** A service with the guard refuses the token of an offboarded person, and the worker records it in the case. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Client } from 'pg';
import { followerGrantsSql, subscriberService } from '#event-bus';
import { createApplication, createLogger, Database, Health, loadConfig, Metrics, provisionDatabase } from '#platform';
import { subscriber } from '../../examples/incident-service/src/subscriber.js';
import { accessData, appendAccess } from '../guard/feeds.js';
import { Issuer, nowSeconds } from '../guard/issuer.js';
import { TEST_PASSWORD } from '../support/database.js';
import { eventually } from '../support/waiting.js';
import { Rig, type Tenant } from './rig.js';
import { credentialOf } from '../support/internal-api.js';

const ROLE = 'incident_service';
const service = subscriberService(subscriber);
const PATIENCE_MS = 60_000;
let rig: Rig;
let issuer: Issuer;
let log: Client;
let database: Database;
let app: NestFastifyApplication;
let tenant: Tenant;

beforeAll(async () => {
  rig = await Rig.start();
  issuer = await Issuer.start();
  tenant = await rig.addTenant();
  log = new Client({ connectionString: rig.test.adminUrl });
  await log.connect();
  await provisionDatabase(
    rig.test.adminUrl,
    [{ role: ROLE, schema: 'incidents', password: TEST_PASSWORD }],
    followerGrantsSql(ROLE),
  );
  const url = new URL(rig.test.adminUrl);
  url.username = ROLE;
  url.password = TEST_PASSWORD;
  const config = loadConfig(service.name, service.config, {
    DATABASE_URL: url.href,
    TOKEN_ISSUER: issuer.issuer,
    TOKEN_CLIENT_IDS: issuer.clientId,
    TOKEN_AUDIENCE: 'incident-service',
    TOKEN_JWKS_URI: issuer.jwksUri,
    DEACTIVATION_WORKER_URL: rig.url,
    INTERNAL_API_CREDENTIAL: credentialOf('incident-service'),
  });
  database = await Database.connect({ ...service.database, url: url.href });
  await database.migrate();
  const logger = createLogger(service.name, 'silent');
  const metrics = new Metrics(service.name, { process: false });
  const platform = { service: service.name, config, database, logger, metrics, health: new Health() };
  app = await createApplication(service, platform);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
}, 60_000);
afterAll(async () => {
  await app.close();
  await database.close();
  await log.end();
  await issuer.close();
  await rig.close();
});

test('the first refused token of an offboarded person is in their timeline', async () => {
  const ada = await rig.addPerson(tenant, 'ada@example.com', { desired_access: 'disabled' });
  const id = await rig.addCase(tenant, ada, { state: 'running' }, { pushed_at: 'now', fenced_at: 'now' });
  const token = issuer.accessToken(ada, { iat: nowSeconds() - 60 });
  const status = async () =>
    (await app.inject({ url: '/incidents', headers: { authorization: `Bearer ${token}` } })).statusCode;
  const publish = (sequence: number, change: object) =>
    appendAccess(log, [{ tenantId: tenant.id, accountId: ada, sequence, data: accessData(ada, change) }]);
  const become = (expected: number) => eventually(async () => expect(await status()).toBe(expected), PATIENCE_MS);

  await publish(1, { roles: ['viewer'] });
  await become(200);
  expect((await rig.caseOf(id))?.first_refused_at).toBeNull();

  await publish(2, { status: 'inactive', roles: [], notBefore: new Date().toISOString() });
  await become(401);
  await eventually(async () => {
    expect(await rig.caseOf(id)).toMatchObject({
      first_refused_at: expect.any(Date),
      first_refused_by: 'incident-service',
    });
  }, PATIENCE_MS);
  const first = (await rig.caseOf(id))?.first_refused_at;

  expect(await status()).toBe(401);
  expect((await rig.cli('show', 'ada@example.com')).out).toMatch(
    /^first token refused \(incident-service\) +\S+ +\d+ ms$/m,
  );
  expect((await rig.caseOf(id))?.first_refused_at).toEqual(first);
}, 200_000);
