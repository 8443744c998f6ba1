/** The erasure of a tenant in deactivation-worker: nothing is erased before everybody has lost their access. */
import { randomUUID } from 'node:crypto';
import { DEFAULT_BRAKE } from '#settings';
import type { TenantErasure } from '#contracts';
import type { Person, Tenant } from '../support/identity-directory.js';
import { eventually, Rig } from './rig.js';

const TEST_LIMIT_MS = 90_000;
const PATIENCE_MS = 60_000;

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
  await rig.startWorker();
});
afterEach(() => rig.cognito.noFaults());
afterAll(() => rig.close());

const start = async ({ id }: Tenant, people: number, by = 'jane') =>
  (await rig.internal('POST', `${id}/erasure`, { by, people })) as { status: number; body: TenantErasure };
const progress = async ({ id }: Tenant): Promise<TenantErasure> =>
  (await rig.internal('GET', `${id}/erasure`)).body as TenantErasure;
const reaches = (tenant: Tenant, expected: Partial<TenantErasure>): Promise<void> =>
  eventually(async () => expect(await progress(tenant)).toMatchObject(expected), PATIENCE_MS);
const rows = async ({ id }: Tenant): Promise<number> => {
  const counts = await rig.admin.query<{ rows: number }>(
    `select (select count(*) from offboarding.person where tenant = $1)::int
          + (select count(*) from offboarding.offboarding_case where tenant = $1)::int
          + (select count(*) from offboarding.inbox where starts_with(key, $2))::int as rows`,
    [id, `${id}:`],
  );
  return counts[0]?.rows ?? 0;
};
const removeAll = async (people: readonly Person[]): Promise<void> => {
  for (const person of people) await rig.directory.remove(person);
};

it('refuses while SCIM is on, and for a tenant that is unknown', async () => {
  const tenant = await rig.addTenant({ scimEnabled: true });
  expect(await start(tenant, 0)).toMatchObject({ status: 409, body: { code: 'scim_enabled' } });
  expect(await rig.internal('GET', `${tenant.id}/erasure`)).toMatchObject({ status: 404 });
  const unknown = await rig.internal('POST', `${randomUUID()}/erasure`, { by: 'jane', people: 0 });
  expect(unknown).toMatchObject({ status: 404, body: { code: 'tenant_unknown' } });
});

it('erases nothing while one person of the directory is unknown here or not deleted', async () => {
  const tenant = await rig.addTenant();
  const [ada, bob] = (await rig.addPeople(tenant, 2)) as [Person, Person];
  await rig.directory.remove(ada);
  expect(await start(tenant, 3)).toMatchObject({ status: 202, body: { state: 'closing', by: 'cli: jane' } });
  await reaches(tenant, { waitsFor: 'people' });
  await rig.directory.remove(bob);
  await rig.quiet();
  // Only a new look at the people writes this column again.
  await rig.admin.query('update offboarding.tenant_erasure set waits_for = null where tenant = $1', [tenant.id]);
  await reaches(tenant, { state: 'closing', waitsFor: 'people' });
  expect(await rows(tenant)).toBeGreaterThan(4);
});

it(
  'ends the access of everybody without the brake, also after a crash while Cognito was down, and of no other tenant',
  async () => {
    const tenant = await rig.addTenant({ brake: { ...DEFAULT_BRAKE, percent: 1, atLeast: 1 } });
    const other = await rig.addTenant();
    const people = await rig.addPeople(tenant, 6);
    const neighbours = await rig.addPeople(other, 2);
    const before = await rows(other);
    await rig.cognito.fault({ effect: 'error', error: 'InternalErrorException', operation: 'AdminDisableUser' });
    await removeAll(people);
    await start(tenant, people.length);
    await reaches(tenant, { state: 'closing', waitsFor: 'access' });
    await rig.stopWorkers();
    await rig.cognito.noFaults();
    await rig.startWorker();
    expect((await start(tenant, people.length, 'mallory')).body.by).toBe('cli: jane');

    await reaches(tenant, { state: 'erasing', waitsFor: null });
    for (const person of people) {
      expect((await rig.cognito.user(person.id))?.enabled).toBe(false);
      expect((await rig.access(person)).at(-1)).toMatchObject({ status: 'removed', roles: [] });
    }
    await eventually(async () => expect(await rows(tenant)).toBe(0), PATIENCE_MS);
    expect((await progress(tenant)).state).toBe('erasing');
    await rig.admin.query(
      `update offboarding.tenant_erasure set closed_at = closed_at - interval '2 minutes' where tenant = $1`,
      [tenant.id],
    );
    await reaches(tenant, { state: 'done' });

    expect(await rows(other)).toBe(before);
    for (const person of neighbours) expect((await rig.cognito.user(person.id))?.enabled).toBe(true);
  },
  TEST_LIMIT_MS,
);
