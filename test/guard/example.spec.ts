/** The example service, as another team would run it: with a role that may only read the log, guard and subscriber in one. */
import type { Database } from '#platform';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startExample } from '../support/example-service.js';
import type { InProcess } from '../support/in-process.js';
import { until } from '../support/waiting.js';
import { accessData, appendAccess } from './feeds.js';
import { Issuer, nowSeconds } from './issuer.js';

const TENANT = randomUUID();
let issuer: Issuer;
let db: TestDatabase;
let log: Client;
let example: InProcess;
let database: Database;
let app: NestFastifyApplication;

beforeAll(async () => {
  issuer = await Issuer.start();
  db = await createTestDatabase();
  log = new Client({ connectionString: db.adminUrl });
  await log.connect();
  example = await startExample(db.adminUrl, {
    TOKEN_ISSUER: issuer.issuer,
    TOKEN_CLIENT_IDS: issuer.clientId,
    TOKEN_AUDIENCE: 'incident-service',
    TOKEN_JWKS_URI: issuer.jwksUri,
  });
  ({ app, database } = example);
  await until('ready', async () => (await app.inject({ url: '/health/ready' })).statusCode === 200);
});
afterAll(async () => {
  await example.stop();
  await log.end();
  await db.drop();
  await issuer.close();
});

const call = (token: string, method: 'GET' | 'POST', payload?: object) =>
  app.inject({ method, url: '/incidents', headers: { authorization: `Bearer ${token}` }, ...(payload && { payload }) });
const append = (accountId: string, sequence: number, change: Parameters<typeof accessData>[1], tenantId = TENANT) =>
  appendAccess(log, [{ tenantId, accountId, sequence, data: accessData(accountId, change) }]);

/** Appends `account.deactivated` to identity.accounts. */
async function deactivated(accountId: string): Promise<void> {
  const account = {
    id: accountId,
    userName: 'a@example.com',
    externalId: null,
    email: null,
    displayName: null,
    status: 'inactive',
    roles: [],
    primaryRole: null,
  };
  await log.query(
    `insert into bus.event_log (partition, topic, key, event_id, type, source, subject, tenant, sequence, time, causation_id, data)
     values (abs(hashtextextended($1, 0) % 12), 'identity.accounts', $1, uuidv7(), 'com.stackflow.identity.account.deactivated.v1',
       '/stackflow/identity-service', $2, $3, 1, clock_timestamp(), 'test', $4)`,
    [`${TENANT}:${accountId}`, accountId, TENANT, JSON.stringify({ account })],
  );
}

test('an agent opens an incident, loses the role and is offboarded, and then the incident is unassigned', async () => {
  const alice = randomUUID();
  const token = issuer.accessToken(alice, { iat: nowSeconds() - 60, 'cognito:groups': ['super_admin'] });
  expect((await call(token, 'GET')).statusCode).toBe(401);

  await append(alice, 1, { roles: ['itsm_agent'] });
  await until('token accepted', async () => (await call(token, 'GET')).statusCode === 200);
  const opened = await call(token, 'POST', { title: 'The printer is on fire' });
  expect([opened.statusCode, opened.json()]).toMatchObject([201, { title: 'The printer is on fire', assignee: alice }]);
  expect((await call(token, 'POST', { title: '' })).statusCode).toBe(400);

  await append(alice, 2, { roles: ['viewer'] });
  await until('role gone', async () => (await call(token, 'POST', { title: 'Another' })).statusCode === 403);
  expect((await call(token, 'GET')).statusCode).toBe(200);

  await append(alice, 3, { status: 'inactive', roles: [], notBefore: new Date().toISOString() });
  await until('token refused', async () => (await call(token, 'GET')).statusCode === 401);
  await deactivated(alice);
  const assignee = async () =>
    (await database.query<{ assignee: string | null }>('select assignee from incident'))[0]?.assignee;
  await until('the incident is unassigned', async () => (await assignee()) === null);
});

test("shows only incidents of the caller's tenant", async () => {
  const [bob, eve] = [randomUUID(), randomUUID()];
  await append(bob, 1, { roles: ['itsm_agent'] });
  await append(eve, 1, { roles: ['super_admin'] }, randomUUID());
  const [bobs, eves] = [issuer.accessToken(bob), issuer.accessToken(eve)];
  await until(
    'both tokens accepted',
    async () => (await call(bobs, 'GET')).statusCode === 200 && (await call(eves, 'GET')).statusCode === 200,
  );
  await call(bobs, 'POST', { title: 'Secret' });
  expect((await call(bobs, 'GET')).payload).toContain('Secret');
  expect((await call(eves, 'GET')).json()).toEqual([]);
});

test('counts its decisions', async () => {
  const { payload } = await app.inject({ url: '/metrics' });
  expect(payload).toMatch(/access_guard_decisions_total{outcome="allowed"/);
  expect(payload).toMatch(/access_guard_lag_seconds{/);
});
