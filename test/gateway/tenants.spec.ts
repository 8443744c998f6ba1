/** P4: many tenants at once, each with the ids and names of the others. No tenant reaches or sees another's data. */
import { setTimeout as sleep } from 'node:timers/promises';
import { patchOp, startGateway, type TestGateway, type TestTenant } from '../support/gateway.js';

let gateway: TestGateway;
let tenants: TestTenant[];
const TENANTS = 6;

beforeAll(async () => {
  gateway = await startGateway();
  tenants = await Promise.all(Array.from({ length: TENANTS }, () => gateway.createTenant()));
});
afterAll(() => gateway.close());

const each = <T>(work: (tenant: TestTenant, i: number) => Promise<T>): Promise<T[]> => Promise.all(tenants.map(work));

describe('tenants', () => {
  it('can have the same names as each other', async () => {
    const ids = await each(async (tenant) => {
      const user = await tenant.send('POST', '/Users', { userName: 'ada@x', externalId: '00uSame' });
      const group = await tenant.send('POST', '/Groups', {
        displayName: 'StackFlow-Admins',
        members: [{ value: user.body.id }],
      });
      expect([user.status, group.status, group.body.members.length]).toEqual([201, 201, 1]);
      return [user.body.id, group.body.id];
    });
    expect(new Set(ids.flat()).size).toBe(2 * TENANTS);
    for (const [i, tenant] of tenants.entries()) {
      const listed = await Promise.all(['/Users', '/Groups'].map((list) => tenant.send('GET', list)));
      expect(listed.map(({ body }) => [body.totalResults, body.Resources.map(({ id }) => id)])).toEqual(
        ids[i]?.map((id) => [1, [id]]),
      );
    }
  });

  it("cannot use another tenant's ids in paths, members, filters or PATCH, with any method, at the same time", async () => {
    const own = await each(async (tenant, i) => {
      const user = (await tenant.send('POST', '/Users', { userName: `own-${i}@x`, externalId: `00u-${i}` })).body.id;
      return {
        user,
        group: (await tenant.send('POST', '/Groups', { displayName: `Own ${i}`, members: [{ value: user }] })).body.id,
      };
    });
    const before = await each((tenant) => tenant.events());
    const attacks = tenants.flatMap((tenant, i) =>
      own.flatMap(({ user, group }, j) =>
        i === j
          ? []
          : [
              tenant.send('GET', `/Users/${user}`),
              tenant.send('GET', `/Groups/${group}`),
              tenant.send('PUT', `/Users/${user}`, { userName: `stolen-${i}-${j}` }),
              tenant.send('PATCH', `/Users/${user}`, patchOp({ op: 'replace', value: { active: false } })),
              tenant.send('DELETE', `/Users/${user}`),
              tenant.send('PUT', `/Groups/${group}`, { displayName: `stolen-${i}-${j}`, members: [] }),
              tenant.send('PATCH', `/Groups/${group}`, patchOp({ op: 'remove', path: 'members' })),
              tenant.send('DELETE', `/Groups/${group}`),
            ],
      ),
    );
    const members = tenants.map((tenant, i) => {
      const foreign = own.filter((_, j) => j !== i).map(({ user }) => ({ value: user }));
      return tenant.send(
        'PATCH',
        `/Groups/${own[i]?.group}`,
        patchOp(
          { op: 'add', path: 'members', value: foreign },
          { op: 'remove', path: `members[value eq "${foreign[0]?.value}"]` },
        ),
      );
    });
    expect(new Set((await Promise.all(attacks)).map((r) => r.status))).toEqual(new Set([404]));
    for (const [i, reply] of (await Promise.all(members)).entries())
      expect([reply.status, reply.body.members.map((m) => m.value)]).toEqual([200, [own[i]?.user]]);
    const filters = await each(async (tenant, i) => {
      const { user, group } = own[(i + 1) % TENANTS] ?? { user: '', group: '' };
      const queries = [
        `/Users?filter=id%20eq%20%22${user}%22`,
        `/Users?filter=externalId%20eq%20%2200u-${(i + 1) % TENANTS}%22`,
        `/Users?filter=not%20(id%20eq%20%22${own[i]?.user}%22)%20and%20userName%20sw%20%22own%22`,
        `/Groups?filter=members%20eq%20%22${user}%22`,
        `/Groups?filter=id%20eq%20%22${group}%22`,
      ];
      return (await Promise.all(queries.map((query) => tenant.send('GET', query)))).map((r) => r.body.totalResults);
    });
    expect(filters.flat().every((total) => total === 0)).toBe(true);
    expect((await each((tenant) => tenant.events())).map((e) => e.length)).toEqual(before.map((e) => e.length));
  });

  it('each rename their own user by creating it again, although all use the same names and external ids', async () => {
    const old = { userName: 'before@x', externalId: '00uRenamed', active: false };
    const ids = await each(async (tenant) => (await tenant.send('POST', '/Users', old)).body.id);
    for (const [i, tenant] of tenants.entries()) {
      const renamed = await tenant.send('POST', '/Users', { ...old, userName: 'after@x', active: true });
      expect([renamed.status, renamed.body.id, renamed.body.userName]).toEqual([201, ids[i], 'after@x']);
    }
  });

  it('cannot take over a user of another tenant with its external id', async () => {
    const [a, b] = tenants as [TestTenant, TestTenant];
    const victim = (await a.send('POST', '/Users', { userName: 'victim@x', externalId: '00uV', active: false })).body
      .id;
    const reply = await b.send('POST', '/Users', { userName: 'thief@x', externalId: '00uV' });
    expect(reply.status).toBe(201);
    expect(reply.body.id).not.toBe(victim);
    expect((await a.send('GET', `/Users/${victim}`)).body).toMatchObject({ userName: 'victim@x', active: false });
  });

  it('that send requests at the same time see only their own rows, events and log lines', async () => {
    await each(async (tenant, i) => {
      for (let n = 0; n < 12; n++) {
        const user = await tenant.send('POST', '/Users', { userName: `mix-${n}@x`, title: `tenant-${i}` });
        await tenant.send(
          'PATCH',
          `/Users/${user.body.id}`,
          patchOp({ op: 'replace', value: { nickName: `tenant-${i}` } }),
        );
        const list = await tenant.send('GET', '/Users?filter=userName%20sw%20%22mix%22');
        expect(list.body.totalResults).toBe(n + 1);
        expect(list.text).not.toMatch(new RegExp(`tenant-(?!${i}")`));
      }
    });
    await sleep(250);
    for (const tenant of tenants) {
      for (const event of await tenant.events())
        expect([event.key, event.data.user?.id ?? event.data.group?.id]).toEqual([
          `${tenant.id}:${event.subject}`,
          event.subject,
        ]);
    }
    const foreign = await gateway.sql(
      'select 1 from directory.members m left join directory.users u on u.id = m.user_id and u.tenant_id = m.tenant_id left join directory.groups g on g.id = m.group_id and g.tenant_id = m.tenant_id where u.id is null or g.id is null',
    );
    expect(foreign).toEqual([]);
    const logged = await gateway.sql<{ wrong: string }>(
      'select count(*) as wrong from directory.scim_request r join directory.users u on u.id::text = r.resource_id where u.tenant_id <> r.tenant_id and r.status < 400',
    );
    expect(Number(logged[0]?.wrong)).toBe(0);
  });
});
