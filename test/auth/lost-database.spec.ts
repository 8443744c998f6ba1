/**
 * auth-service starts with an empty database long after the accounts last changed. `identity.access` still has the access of
 * each account, but the events with the Okta ids are gone. identity-service publishes the accounts again.
 */
import { service as identity } from '../../apps/identity-service/src/service.js';
import { Browser } from '../support/auth-browser.js';
import { runStackflow } from '../support/command-line.js';
import { HostileProvider } from '../support/auth-provider.js';
import { codeOn, signIn } from '../support/auth-journey.js';
import type { Person } from '../support/auth-people.js';
import { AuthRig, LOCAL, type Instance } from '../support/auth.js';
import { startInProcess } from '../support/in-process.js';
import { eventually } from '../support/waiting.js';
import { TOKEN } from '../support/internal-api.js';

let op: HostileProvider;
let rig: AuthRig;
let identityService: Instance;
let tenant: string;

beforeAll(async () => {
  op = await new HostileProvider().start();
  rig = await AuthRig.start(op.origin);
  // There are no groups here, so nobody asks the gateway for members.
  const environment = {
    ...rig.environment,
    DATABASE_URL: rig.test.url('identity-service'),
    SCIM_GATEWAY_URL: 'http://127.0.0.1:9',
  };
  const known = Object.entries(environment).filter(([name]) => name in identity.config && name !== 'COGNITO_QUOTAS');
  identityService = await startInProcess(identity, Object.fromEntries(known));
  rig.stopAtClose(identityService);
}, 120_000);
afterAll(async () => {
  await rig.close();
  await op.stop();
});

/** Publishes a directory user, so that identity-service creates the account. */
async function addPerson(): Promise<Person> {
  const person = rig.people.make(tenant, { roles: [], primaryRole: null });
  await rig.people.publishCreation(person);
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
    IDENTITY_SERVICE_URL: identityService.url,
    INTERNAL_API_CALLERS: rig.environment.INTERNAL_API_CALLERS,
    INTERNAL_API_CREDENTIAL: rig.environment.INTERNAL_API_CREDENTIAL,
  });
  expect([code, err]).toEqual([0, '']);
  return out;
}

/** The state after EVENT_RETENTION_DAYS with a new database. */
async function loseEverything(): Promise<void> {
  await rig.admin.query(
    `delete from bus.event_log where topic not in ('directory.access', 'identity.access', 'integration.settings')`,
  );
  await rig.admin.query('drop schema auth cascade');
  await rig.admin.query('create schema auth authorization auth_service');
}

it('refuses everybody as unknown until the accounts are published again', async () => {
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
  // A removed person is not published again.
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

it('publishes page after page, for every known tenant', async () => {
  const people = [await addPerson(), await addPerson(), await addPerson()];
  const post = async (query: string) => {
    const response = await fetch(`${identityService.url}/internal/tenants/${tenant}/accounts/republish${query}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
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
