/**
 * auth-service begins with an empty database long after the accounts last changed: `identity.access` still tells who has
 * access, but the events that say who that is at Okta are gone. identity-service tells them once more.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { connectConsumer, createApplication, createLogger, Database, Health, loadConfig, Metrics } from '#platform';
import { service as identity } from '../../apps/identity-service/src/service.js';
import { Browser } from '../support/auth-browser.js';
import { runStackflow } from '../support/command-line.js';
import { HostileProvider } from '../support/auth-provider.js';
import { codeOn, signIn } from '../support/auth-journey.js';
import type { Person } from '../support/auth-people.js';
import { AuthRig, eventually, LOCAL } from '../support/auth.js';

let op: HostileProvider;
let rig: AuthRig;
let identityService: NestFastifyApplication;
let identityDatabase: Database;
let tenant: string;

/** identity-service in this process. */
async function startIdentity(): Promise<void> {
  const environment = { ...rig.environment, DATABASE_URL: rig.test.url('identity-service') };
  const known = Object.entries(environment).filter(([name]) => name in identity.config && name !== 'COGNITO_QUOTAS');
  const config = loadConfig(identity.name, identity.config, Object.fromEntries(known));
  const logger = createLogger(identity.name, config.LOG_LEVEL);
  identityDatabase = await Database.connect({ url: config.DATABASE_URL, poolSize: 10, ...identity.database });
  await identityDatabase.migrate();
  const metrics = new Metrics(identity.name, { process: false });
  const platform = {
    service: identity.name,
    config,
    database: identityDatabase,
    logger,
    metrics,
    health: new Health(),
  };
  identityService = await createApplication(identity, platform);
  for (const strategy of identity.strategies?.(platform) ?? []) connectConsumer(identityService, strategy);
  await identityService.startAllMicroservices();
  await identityService.listen(0, '127.0.0.1');
}

beforeAll(async () => {
  op = await new HostileProvider().start();
  rig = await AuthRig.start(op.origin);
  await startIdentity();
}, 120_000);
afterAll(async () => {
  await identityService.close();
  await identityDatabase.close();
  await rig.close();
  await op.stop();
});

/** Through the directory, so that identity-service makes the account. */
async function addPerson(): Promise<Person> {
  const person = rig.people.make(tenant, { roles: [], primaryRole: null });
  await rig.people.publishUser(person);
  await rig.people.publishAccess(person);
  await eventually(async () => {
    const sql = 'select 1 from identity.account where id = $1 and provisioned_at is not null';
    if ((await rig.admin.query(sql, [person.id])).length === 0) throw new Error('no account yet');
  });
  await rig.handled();
  return person;
}

async function republish(...flags: string[]): Promise<string> {
  const { code, out, err } = await runStackflow(['accounts', 'republish', ...flags], {
    IDENTITY_SERVICE_URL: await identityService.getUrl(),
    INTERNAL_API_TOKEN: rig.environment.INTERNAL_API_TOKEN,
  });
  expect([code, err]).toEqual([0, '']);
  return out;
}

/** As the retention leaves the log after EVENT_RETENTION_DAYS, and a new database. */
async function loseEverything(): Promise<void> {
  await rig.admin.query(`delete from bus.event_log where topic not in ('identity.access', 'integration.settings')`);
  await rig.admin.query('drop schema auth cascade');
  await rig.admin.query('create schema auth authorization auth_service');
}

it('knows who has access but not who that is, until the accounts are published once more', async () => {
  const first = await rig.startService();
  tenant = await rig.addTenant('default', null);
  const [ada, gone] = [await addPerson(), await addPerson()];
  const signInAs = async ({ externalId }: Person, url: string): Promise<string | number> => {
    op.sub = externalId ?? '';
    const answer = await signIn(op, new Browser(url, LOCAL));
    return answer.status === 303 ? 303 : codeOn(answer);
  };
  expect(await signInAs(ada, first.url)).toBe(303);
  await rig.people.publishAccess({ ...gone, status: 'removed' });
  await eventually(async () => {
    const [row] = await rig.admin.query('select status from identity.account where id = $1', [gone.id]);
    expect(row).toEqual({ status: 'removed' });
  });
  await first.stop();
  await loseEverything();

  const second = await rig.startService();
  await rig.settingsKnown();
  expect(await signInAs(ada, second.url)).toBe('unknown_person');

  expect(await republish()).toBe('default: accounts published again: 1\n');
  await eventually(async () => {
    const [outbox] = await rig.admin.query('select count(*)::int as left from identity.outbox');
    expect(outbox).toEqual({ left: 0 });
  });
  await rig.handled();
  expect(await signInAs(ada, second.url)).toBe(303);
  // Who was removed is not brought up again.
  expect(await signInAs(gone, second.url)).toBe('unknown_person');

  const events = await rig.admin.query<{ subject: string; type: string; sequence: string }>(
    `select subject, type, sequence from bus.event_log where topic = 'identity.accounts' order by position`,
  );
  expect(events).toEqual([
    { subject: ada.id, type: 'com.stackflow.identity.account.republished.v1', sequence: expect.any(String) },
  ]);
  const [account] = await rig.admin.query('select version from identity.account where id = $1', [ada.id]);
  expect(account).toEqual({ version: events[0]?.sequence });
}, 240_000);

it('takes page after page, and every tenant that it knows', async () => {
  const people = [await addPerson(), await addPerson(), await addPerson()];
  const post = async (query: string) => {
    const response = await fetch(
      `${await identityService.getUrl()}/internal/tenants/${tenant}/accounts/republish${query}`,
      { method: 'POST', headers: { authorization: `Bearer ${rig.environment.INTERNAL_API_TOKEN}` } },
    );
    return { status: response.status, body: (await response.json()) as { republished: number; next: string | null } };
  };
  const versions = async () =>
    (await rig.admin.query<{ version: string }>('select version from identity.account order by id')).map(
      (r) => r.version,
    );
  const before = await versions();
  const seen: number[] = [];
  let next: string | null = '';
  while (next !== null && seen.length < 10) {
    const { body } = await post(`?limit=2${next && `&cursor=${next}`}`);
    seen.push(body.republished);
    next = body.next;
  }
  expect(seen.reduce((a, b) => a + b)).toBe(people.length + 1);
  const raised = (await versions()).filter((version, i) => Number(version) === Number(before[i]) + 1);
  expect(raised).toHaveLength(people.length + 1);
  expect((await post('?cursor=nobody')).status).toBe(400);
  expect(await republish('--all')).toContain(`default: accounts published again: ${people.length + 1}`);
}, 240_000);
