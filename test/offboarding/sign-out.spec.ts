/** The internal route that signs a person out everywhere without ending access, alone and combined with cases. */
import { randomUUID } from 'node:crypto';
import type { Person, Tenant } from '../support/identity-directory.js';
import { eventually, Rig } from './rig.js';

let rig: Rig;
let tenant: Tenant;
beforeAll(async () => {
  rig = await Rig.start();
  await rig.startWorker();
  tenant = await rig.addTenant();
});
afterEach(() => rig.cognito.noFaults());
afterAll(() => rig.close());

const calls = async ({ id }: Person, operation: string): Promise<number> =>
  (await rig.cognito.calls(`subject=${id}&operation=${operation}`)).length;
const state = async (person: Person) => (await rig.internal('GET', `${tenant.id}/accounts/${person.id}/sign-out`)).body;
const notBefores = async (person: Person): Promise<(string | null)[]> =>
  (await rig.access(person)).map((record) => record.notBefore);

describe('signing a person out everywhere', () => {
  it("fences at once, revokes, fences by Cognito's clock, and keeps access and roles", async () => {
    const ada = await rig.addPerson(tenant, ['itsm_agent', 'viewer']);
    const before = await rig.access(ada);
    const asked = await rig.signOut(tenant, ada);
    expect(asked.accessVersion).toBeGreaterThan(before.length);
    await rig.quiet();
    const [first, second, ...more] = (await rig.access(ada)).slice(before.length);
    expect(more).toEqual([]);
    for (const record of [first, second])
      expect(record).toMatchObject({ status: 'active', roles: ['itsm_agent', 'viewer'] });
    expect(Date.parse(second?.notBefore ?? '')).toBeGreaterThan(Date.parse(first?.notBefore ?? ''));
    expect(Date.parse(second?.notBefore ?? '') % 1000).toBe(0);
    expect(await state(ada)).toEqual({ due: false, accessVersion: before.length + 2 });
    expect([await calls(ada, 'AdminUserGlobalSignOut'), await calls(ada, 'AdminDisableUser')]).toEqual([1, 0]);
    expect(await rig.cases(ada)).toEqual([]);
    await rig.expectAgreement([ada]);
  });

  it('names in its events the request that caused it', async () => {
    const ada = await rig.addPerson(tenant);
    await rig.signOut(tenant, ada);
    await rig.quiet();
    const sql = `select causation_id as "causationId" from bus.event_log where topic = 'identity.access' and key = $1 order by sequence desc limit 2`;
    const published = await rig.admin.query<{ causationId: string }>(sql, [`${tenant.id}:${ada.id}`]);
    expect(published.map((row) => row.causationId)).toEqual(['universal-logout:1', 'universal-logout:1']);
  });

  it('is due while Cognito is unavailable and retried when Cognito is back, with the fence in force meanwhile', async () => {
    const ada = await rig.addPerson(tenant);
    await rig.cognito.fault({ effect: 'disconnect', operation: 'AdminUserGlobalSignOut' });
    await rig.signOut(tenant, ada);
    await eventually(async () => expect((await notBefores(ada)).at(-1)).not.toBeNull());
    expect(await state(ada)).toMatchObject({ due: true });
    await rig.cognito.noFaults();
    await eventually(async () => expect(await state(ada)).toMatchObject({ due: false }), 60_000);
  });

  it('is repeated by another process if one dies between the call and its record', async () => {
    const ada = await rig.addPerson(tenant);
    await rig.cognito.fault({ effect: 'drop', operation: 'AdminUserGlobalSignOut', times: 1 });
    await rig.signOut(tenant, ada);
    await eventually(async () => expect(await state(ada)).toMatchObject({ due: false }), 60_000);
    await rig.quiet();
    expect(await calls(ada, 'AdminUserGlobalSignOut')).toBeGreaterThan(1);
    await rig.expectAgreement([ada]);
  });

  it('does not enable a user whom an administrator of the pool disabled by hand', async () => {
    const ada = await rig.addPerson(tenant);
    await rig.cognito.byHand('AdminDisableUser', { Username: ada.id });
    await rig.signOut(tenant, ada);
    await rig.quiet();
    expect(await state(ada)).toMatchObject({ due: false });
    expect((await rig.cognito.users()).get(ada.id)?.enabled).toBe(false);
  });

  it('is done at once if Cognito has no such user', async () => {
    const ada = await rig.addPerson(tenant);
    await rig.cognito.byHand('AdminDeleteUser', { Username: ada.id });
    await rig.signOut(tenant, ada);
    await rig.quiet();
    expect(await state(ada)).toMatchObject({ due: false });
  });

  it('changes nothing for a person without access', async () => {
    const ada = await rig.addPerson(tenant);
    await rig.directory.setActive(ada, false);
    await rig.quiet();
    const before = await rig.access(ada);
    expect(await rig.signOut(tenant, ada)).toEqual({ due: false, accessVersion: before.length });
    await rig.quiet();
    expect(await rig.access(ada)).toEqual(before);
    await rig.expectAgreement([ada]);
  });

  it('agrees in the end with deactivations and reactivations in any order, and never moves the fence of a person with access back', async () => {
    const people = await rig.addPeople(tenant, 6);
    for (let round = 0; round < 4; round++)
      await Promise.all(
        people.flatMap((person, n) => [
          rig.signOut(tenant, person),
          rig.directory.setActive(person, (round + n) % 2 === 0),
          rig.signOut(tenant, person),
        ]),
      );
    await Promise.all(people.map((person) => rig.directory.setActive(person, true)));
    await rig.quiet();
    await rig.expectAgreement(people);
    for (const person of people) {
      expect(await state(person)).toMatchObject({ due: false });
      const open = (await rig.access(person)).filter((record) => record.status === 'active');
      const fences = open.flatMap(({ notBefore }) => (notBefore === null ? [] : [Date.parse(notBefore)]));
      expect([...fences].sort((a, b) => a - b)).toEqual(fences);
    }
  });
});

describe('the sign-out route', () => {
  const body = { causationId: 'x' };
  it('needs a credential, a known account, and a cause', async () => {
    const ada = await rig.addPerson(tenant);
    const other = await rig.addTenant();
    const route = `${tenant.id}/accounts/${ada.id}/sign-out`;
    const ask = async (at: string, given: object, token?: string): Promise<number> =>
      (await rig.internal('POST', at, given, token)).status;
    expect(await ask(route, body, 'wrong')).toBe(401);
    expect((await rig.internal('GET', route, undefined, 'wrong')).status).toBe(401);
    expect(await ask(route, {})).toBe(400);
    expect(await ask(route, { ...body, causationId: 'a\nb' })).toBe(400);
    expect(await ask(route, { ...body, more: 1 })).toBe(400);
    expect(await ask(`${tenant.id}/accounts/nobody/sign-out`, body)).toBe(400);
    expect(await ask(`${tenant.id}/accounts/${randomUUID()}/sign-out`, body)).toBe(404);
    expect(await ask(`${other.id}/accounts/${ada.id}/sign-out`, body)).toBe(404);
    await rig.quiet();
    expect([await calls(ada, 'AdminUserGlobalSignOut'), (await notBefores(ada)).at(-1)]).toEqual([0, null]);
  });
});
