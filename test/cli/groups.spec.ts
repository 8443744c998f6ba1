/** `stackflow tenants groups` and `confirm-group` against the running API of identity-service. */
import { randomUUID } from 'node:crypto';
import { defaultSettings } from '#settings';
import { service } from '../../apps/identity-service/src/service.js';
import { environment } from '../offboarding-api/rig.js';
import { runStackflow } from '../support/command-line.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { startInProcess, type InProcess } from '../support/in-process.js';
import { TOKEN } from '../support/internal-api.js';

let test: TestDatabase;
let identity: InProcess;
beforeAll(async () => {
  test = await createTestDatabase();
  identity = await startInProcess({ ...service, strategies: () => [] }, environment(test, 'identity-service'));
});
afterAll(async () => {
  await identity.stop();
  await test.drop();
});

const cli = (...args: string[]) =>
  runStackflow(['tenants', ...args], {
    IDENTITY_SERVICE_URL: identity.url,
    INTERNAL_API_CREDENTIAL: TOKEN,
    STACKFLOW_OPERATOR: 'grace',
  });

async function addTenant(slug: string): Promise<string> {
  const id = randomUUID();
  const settings = { ...defaultSettings(), tenant: { id, slug, host: null }, scimToken: null };
  await identity.database.query(
    'insert into tenant_settings (tenant_id, slug, version, settings) values ($1, $2, 1, $3)',
    [id, slug, JSON.stringify(settings)],
  );
  await identity.database.query(
    `insert into role_mapping (tenant, group_key, role, precedence) values ($1, 'name:stackflow-admins', 'super_admin', 0)`,
    [id],
  );
  return id;
}

async function addGroup(tenant: string, pinned: boolean, confirmed = true): Promise<string> {
  const id = randomUUID();
  await identity.database.query(
    `insert into directory_group (id, tenant, version, display_name, name_key)
     values ($1, $2, 1, 'StackFlow-Admins', 'name:stackflow-admins')`,
    [id, tenant],
  );
  if (pinned)
    await identity.database.query(
      `insert into group_pin (tenant, name_key, group_id, confirmed) values ($1, 'name:stackflow-admins', $2, $3)`,
      [tenant, id, confirmed],
    );
  return id;
}

it('says that no group bears a mapped name yet', async () => {
  await addTenant('empty');
  expect(await cli('groups', '--tenant', 'empty')).toMatchObject({
    code: 0,
    out: 'No group bears a mapped name yet.\n',
  });
});

it('lists the group of each mapping, and names the command that confirms a group that waits', async () => {
  const tenant = await addTenant('waits');
  const pinned = await addGroup(tenant, true);
  expect((await cli('groups', '--tenant', 'waits')).out).toMatch(
    new RegExp(`stackflow-admins +super_admin +StackFlow-Admins +${pinned} +\\d{4}-`),
  );
  const other = await addGroup(tenant, false);
  const { out } = await cli('groups', '--tenant', 'waits');
  expect(out).toContain('Waiting (1)');
  expect(out).toMatch(new RegExp(`${other} +"StackFlow-Admins" with 0 members .* super_admin`));
  expect(out).toContain('npm run stackflow -- tenants confirm-group <group id>');

  expect(await cli('confirm-group', other, '--tenant', 'waits')).toMatchObject({
    code: 0,
    out: expect.stringContaining('the group is confirmed in the name of grace'),
  });
  const after = await cli('groups', '--tenant', 'waits', '--json');
  expect(JSON.parse(after.out)).toMatchObject({
    pins: [{ group: other, confirmed: true, confirmedBy: 'cli: grace' }],
    waiting: [{ group: pinned }],
  });
});

it('refuses to confirm a group that does not wait, and a group of another tenant', async () => {
  const pinned = await addGroup(await addTenant('one'), true);
  const foreign = await addGroup(await addTenant('two'), true, false);
  for (const group of [pinned, foreign, randomUUID()])
    expect(await cli('confirm-group', group, '--tenant', 'one')).toMatchObject({
      code: 1,
      err: expect.stringContaining(`The group ${group} does not wait in tenant one.`),
    });
});

it('refuses a group id that is no UUID', async () => {
  await addTenant('odd');
  expect((await cli('confirm-group', 'admins', '--tenant', 'odd')).code).toBe(1);
});
