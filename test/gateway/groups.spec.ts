/** Groups over HTTP: membership changes as a set, unknown members are left out, and events tell the difference. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GROUP_SCHEMA } from '#scim';
import {
  BASE,
  patchOp,
  reportStatistics,
  shortType,
  startGateway,
  type TestGateway,
  type TestTenant,
} from '../support/gateway.js';

let gateway: TestGateway;
let tenant: TestTenant;
beforeAll(async () => {
  gateway = await startGateway();
});
beforeEach(async () => {
  tenant = await gateway.createTenant();
});
afterAll(() => gateway.close());

const users = async (count: number): Promise<string[]> => {
  const replies = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      tenant.send('POST', '/Users', { userName: `u${i}@x`, displayName: `U${i}` }),
    ),
  );
  return replies.map((r) => r.body.id).sort();
};
const group = async (displayName: string, members: readonly string[] = []) =>
  (await tenant.send('POST', '/Groups', { displayName, members: members.map((value) => ({ value })) })).body.id;
const membersOf = async (id: string) => (await tenant.send('GET', `/Groups/${id}`)).body.members.map((m) => m.value);
const patch = (id: string, ...operations: unknown[]) => tenant.send('PATCH', `/Groups/${id}`, patchOp(...operations));
const newTypes = async (since: number) => (await tenant.events()).slice(since).map(shortType);

describe('a group', () => {
  it('shows its members with userName and URI, and users show their groups', async () => {
    const [ada = '', bea = ''] = await users(2);
    const { userName: display } = (await tenant.send('GET', `/Users/${ada}`)).body;
    const reply = await tenant.send('POST', '/Groups', {
      displayName: 'G',
      externalId: 'x',
      members: [{ value: ada.toUpperCase(), display: 'ignored' }],
    });
    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({
      displayName: 'G',
      externalId: 'x',
      members: [{ value: ada, display, type: 'User', $ref: `https://${tenant.host}${BASE}/Users/${ada}` }],
    });
    expect(reply.headers.location).toBe(reply.body.meta.location);
    expect((await tenant.send('GET', `/Users/${ada}`)).body.groups).toEqual([
      { value: reply.body.id, display: 'G', $ref: reply.body.meta.location },
    ]);
    expect((await tenant.send('GET', `/Users/${bea}`)).body.groups ?? []).toEqual([]);
    expect((await tenant.send('GET', `/Groups/${reply.body.id}?excludedAttributes=members`)).body).not.toHaveProperty(
      'members',
    );
  });

  it('has a name that no other group of its tenant has in any case, and may keep its own', async () => {
    const id = await group('Admins');
    const other = await group('Others');
    for (const reply of [
      await tenant.send('POST', '/Groups', { displayName: 'ADMINS' }),
      await tenant.send('PUT', `/Groups/${other}`, { displayName: 'admins' }),
      await patch(other, { op: 'replace', value: { displayName: 'admins' } }),
    ]) {
      expect([reply.status, reply.body.scimType]).toEqual([409, 'uniqueness']);
      expect(reply.body.detail).toContain('named');
    }
    expect((await tenant.send('PUT', `/Groups/${id}`, { displayName: 'admins' })).body.displayName).toBe('admins');
    expect((await tenant.events()).at(-1)).toMatchObject({
      type: 'com.stackflow.directory.group.renamed.v1',
      sequence: 2,
      data: { previousDisplayName: 'Admins', group: { displayName: 'admins', version: 2 } },
    });
  });

  it('has a name that is compared without outer blanks and Unicode composition, as role mappings do', async () => {
    const id = await group(' Cafe\u0301 ');
    expect((await tenant.send('GET', `/Groups/${id}`)).body.displayName).toBe(' Cafe\u0301 ');
    for (const displayName of ['CAF\u00c9', 'cafe\u0301\t'])
      expect((await tenant.send('POST', '/Groups', { displayName })).status).toBe(409);
    for (const filter of ['displayName eq "caf\u00e9"', 'displayName eq " Cafe\u0301 "'])
      expect((await tenant.send('GET', `/Groups?filter=${encodeURIComponent(filter)}`)).body.totalResults).toBe(1);
  });

  it('is returned after a PATCH that requests attributes, with only those', async () => {
    const [a = ''] = await users(1);
    const id = await group('G', [a]);
    const rename = (query: string, displayName: string) =>
      tenant.send(
        'PATCH',
        `/Groups/${id}?${query}`,
        patchOp({ op: 'replace', path: 'displayName', value: displayName }),
      );
    const only = await rename('attributes=displayName', 'H');
    expect([only.status, only.body]).toEqual([200, { schemas: [GROUP_SCHEMA], id, displayName: 'H' }]);
    const without = await rename('excludedAttributes=members', 'I');
    expect([without.status, without.body.displayName, without.body.members]).toEqual([200, 'I', undefined]);
    expect((await rename('attributes=members', 'J')).body.members.map((m) => m.value)).toEqual([a]);
  });

  it('keeps its members after a PUT without members', async () => {
    const ids = await users(2);
    const id = await group('G', ids);
    expect((await tenant.send('PUT', `/Groups/${id}`, { displayName: 'H' })).body.members.length).toBe(2);
  });

  it('is found by name, id, external id and member', async () => {
    const [a = '', b = ''] = await users(2);
    const id = await group('Admins', [a]);
    await group('Others', [b]);
    const found = async (filter: string) =>
      (await tenant.send('GET', `/Groups?filter=${encodeURIComponent(filter)}`)).body.Resources.map(
        (g) => g.displayName,
      );
    expect(await found('displayName eq "ADMINS"')).toEqual(['Admins']);
    expect(await found(`members.value eq "${b}"`)).toEqual(['Others']);
    expect(await found(`members[value eq "${a}"]`)).toEqual(['Admins']);
    expect(await found(`id eq "${id}" and not (externalId pr)`)).toEqual(['Admins']);
    expect((await tenant.send('GET', '/Groups?filter=shoe%20pr')).body.scimType).toBe('invalidFilter');
  });

  it('is deleted with its memberships, by one event', async () => {
    const ids = await users(3);
    const id = await group('G', ids);
    const before = (await tenant.events()).length;
    expect((await tenant.send('DELETE', `/Groups/${id}`)).status).toBe(204);
    expect(await newTypes(before)).toEqual(['group.deleted']);
    expect((await tenant.events()).at(-1)).toMatchObject({ subject: id, sequence: 3, data: { group: { version: 3 } } });
    for (const user of ids) expect((await tenant.send('GET', `/Users/${user}`)).body.groups).toEqual([]);
    for (const method of ['GET', 'DELETE']) expect((await tenant.send(method, `/Groups/${id}`)).status).toBe(404);
    expect(await group('g')).not.toBe(id);
  });
});

describe('a change of membership', () => {
  it('causes events for the difference only: repeated members and removed non-members cause none', async () => {
    const [a = '', b = '', c = ''] = await users(3);
    const id = await group('G', [a, b]);
    const before = (await tenant.events()).length;
    // Entra ID adds all members again whenever one is removed.
    expect(
      (
        await patch(
          id,
          { op: 'remove', path: `members[value eq "${c}"]` },
          { op: 'Add', path: 'members', value: [{ value: a }, { value: a }, { value: b }] },
        )
      ).status,
    ).toBe(204);
    expect(
      (await tenant.send('PUT', `/Groups/${id}`, { displayName: 'G', members: [{ value: b }, { value: a }] })).status,
    ).toBe(200);
    expect((await patch(id, { op: 'replace', value: { id, displayName: 'G' } })).status).toBe(204);
    expect(await newTypes(before)).toEqual([]);
    expect(
      (await tenant.send('PUT', `/Groups/${id}`, { displayName: 'G', members: [{ value: c }, { value: a }] })).status,
    ).toBe(200);
    expect(await newTypes(before)).toEqual(['group.members-changed']);
    expect((await tenant.events()).at(-1)).toMatchObject({ sequence: 3, data: { joined: [c], left: [b] } });
    expect((await membersOf(id)).sort()).toEqual([a, c].sort());
  });

  it('has one event about the group, as large as the change, and changes no user', async () => {
    const ids = await users(3);
    const [a = '', b = '', c = ''] = ids;
    const shown = (await tenant.send('GET', `/Users/${a}`)).body.meta;
    const g1 = await group('G1', [a, b]);
    await group('G2', [a]);
    await patch(g1, { op: 'add', path: 'members', value: [{ value: c }] });
    const changes = (await tenant.events()).filter((e) => shortType(e) === 'group.members-changed');
    expect(changes.map(({ data, sequence }) => [data.group?.displayName, sequence, data.joined, data.left])).toEqual([
      ['G1', 2, [a, b], []],
      ['G2', 2, [a], []],
      ['G1', 3, [c], []],
    ]);
    expect(changes.map(({ topic, key }) => [topic, key])[0]).toEqual(['directory.groups', `${tenant.id}:${g1}`]);
    expect((await tenant.send('GET', `/Users/${a}`)).body.meta).toEqual(shown);
    const versions = await gateway.sql('select distinct version from directory.users where id = any($1)', [ids]);
    expect(versions).toEqual([{ version: '1' }]);
  });

  it('of more than 1,000 people has several events with consecutive sequences, which together tell all of it once', async () => {
    const ids = (
      await gateway.sql<{ id: string }>(
        `insert into directory.users (tenant_id, id, user_name, user_name_key, active, resource, version, created_at, updated_at, created_request)
         select $1, gen_random_uuid(), 'm' || i, 'm' || i, true, jsonb_build_object('userName', 'm' || i, 'active', true), 1, now(), now(), gen_random_uuid()
           from generate_series(1, 3100) i returning id`,
        [tenant.id],
      )
    ).map((row) => row.id);
    const id = await group('G', ids.slice(0, 1_600));
    const put = { displayName: 'G', members: ids.slice(1_500).map((value) => ({ value })) };
    expect((await tenant.send('PUT', `/Groups/${id}?attributes=displayName`, put)).status).toBe(200);
    const events = (await tenant.events()).filter((e) => e.subject === id);
    expect(events.map((e) => [shortType(e), e.sequence])).toEqual([
      ['group.created', 1],
      ...[2, 3, 4, 5, 6].map((sequence) => ['group.members-changed', sequence]),
    ]);
    const members = new Set<string>();
    for (const { data } of events.slice(1)) {
      const { joined, left } = data as unknown as { joined: string[]; left: string[] };
      expect(joined.length + left.length).toBeLessThanOrEqual(1_000);
      for (const user of joined) expect(members.size < members.add(user).size).toBe(true);
      for (const user of left) expect(members.delete(user)).toBe(true);
    }
    expect([...members].sort()).toEqual(ids.slice(1_500).sort());
    expect(await gateway.sql('select version::int from directory.groups where id = $1', [id])).toEqual([
      { version: 6 },
    ]);
  });

  it('leaves out members that do not exist, stores the others, and reports that in answer, log and metric', async () => {
    const [a = '', b = ''] = await users(2);
    const id = await group('G', [a]);
    const gone = randomUUID();
    const reply = await patch(id, {
      op: 'add',
      path: 'members',
      value: [{ value: b }, { value: gone }, { value: 'not-an-id' }],
    });
    expect([reply.status, reply.body.members.map((m) => m.value)]).toEqual([200, [a, b].sort()]);
    await sleep(200);
    const [row] = await gateway.sql<Record<string, unknown>>(
      'select status, left_out, left_out_count, resource_type, resource_id, delivered from directory.scim_request where id = $1',
      [reply.headers['x-request-id']],
    );
    expect(row).toEqual({
      status: 200,
      left_out: ['not-an-id', gone],
      left_out_count: 2,
      resource_type: 'Groups',
      resource_id: id,
      delivered: true,
    });
    expect(await gateway.metrics.registry.metrics()).toMatch(/scim_members_left_out_total\{[^}]*\} [1-9]/);
    expect((await patch(id, { op: 'remove', path: `members[value eq "${gone}"]` })).status).toBe(204);
  });

  it('leaves out a deleted user, and a group as a member', async () => {
    const [a = '', b = ''] = await users(2);
    await tenant.send('DELETE', `/Users/${a}`);
    const inner = await group('Inner');
    const reply = await tenant.send('POST', '/Groups', {
      displayName: 'G',
      members: [{ value: a }, { value: b }, { value: inner, type: 'Group' }],
    });
    expect([reply.status, reply.body.members.map((m) => m.value)]).toEqual([201, [b]]);
  });

  it('is stored together with a rename in the same PATCH, or not at all', async () => {
    const [a = ''] = await users(1);
    await group('Taken');
    const id = await group('G');
    const before = (await tenant.events()).length;
    expect(
      (
        await patch(
          id,
          { op: 'add', path: 'members', value: [{ value: a }] },
          { op: 'replace', path: 'displayName', value: 'taken' },
        )
      ).status,
    ).toBe(409);
    expect(await membersOf(id)).toEqual([]);
    expect(await newTypes(before)).toEqual([]);
    expect(
      (
        await patch(
          id,
          { op: 'add', path: 'members', value: [{ value: a }] },
          { op: 'replace', path: 'displayName', value: 'Free' },
        )
      ).status,
    ).toBe(204);
    expect(await newTypes(before)).toEqual(['group.renamed', 'group.members-changed']);
    expect((await tenant.events()).at(-1)?.data.group).toMatchObject({ displayName: 'Free', version: 3 });
  });

  it('reads only the rows of the difference, also in a group of 5,000', async () => {
    await gateway.sql(
      `insert into directory.users (tenant_id, id, user_name, user_name_key, active, resource, version, created_at, updated_at, created_request)
       select $1, gen_random_uuid(), 'm' || i, 'm' || i, true, jsonb_build_object('userName', 'm' || i, 'active', true), 1, now(), now(), gen_random_uuid() from generate_series(1, 5000) i`,
      [tenant.id],
    );
    const [outsider = ''] = await users(1);
    const all = (
      await gateway.sql<{ id: string }>(`select id from directory.users where tenant_id = $1 and user_name like 'm%'`, [
        tenant.id,
      ])
    ).map((r) => r.id);
    const created = await tenant.send('POST', '/Groups?attributes=displayName', {
      displayName: 'Big',
      members: all.map((value) => ({ value })),
    });
    expect(created.status).toBe(201);
    await gateway.sql('analyze directory.members');
    const reads = async () =>
      Number(
        (
          await gateway.sql<{ n: string }>(
            `select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as n from pg_stat_user_tables where schemaname = 'directory' and relname = 'members'`,
          )
        )[0]?.n,
      );
    await reportStatistics(gateway);
    const before = await reads();
    expect(
      (
        await patch(
          created.body.id,
          { op: 'add', path: 'members', value: [{ value: outsider }] },
          { op: 'remove', path: `members[value eq "${all[0]}"]` },
        )
      ).status,
    ).toBe(204);
    await reportStatistics(gateway);
    expect((await reads()) - before).toBeLessThan(100);
    expect((await tenant.events()).length).toBe(1 + 1 + 5 + 1);
  });

  it('is refused if a user would be in more than 10,000 groups, but leaving is allowed', async () => {
    const [a = '', b = ''] = await users(2);
    const first = await group('First', [a]);
    const id = await group('G');
    await gateway.sql(
      `with g as (
         insert into directory.groups (tenant_id, id, display_name, display_name_key, version, created_at, updated_at)
         select $1, gen_random_uuid(), 'g' || i, 'g' || i, 1, now(), now() from generate_series(1, 9999) i returning id
       ) insert into directory.members (tenant_id, group_id, user_id) select $1, id, $2 from g`,
      [tenant.id, a],
    );
    const before = (await tenant.events()).length;
    const join = { op: 'add', path: 'members', value: [{ value: a }, { value: b }] };
    const reply = await patch(id, join);
    expect([reply.status, reply.body.scimType]).toEqual([400, 'tooMany']);
    expect(reply.body.detail).toContain(`the user "${a}" would be in more than 10,000 groups`);
    expect([await membersOf(id), await newTypes(before)]).toEqual([[], []]);
    expect((await patch(first, { op: 'remove', path: `members[value eq "${a}"]` })).status).toBe(204);
    expect((await patch(id, join)).status).toBe(204);
  });
});
