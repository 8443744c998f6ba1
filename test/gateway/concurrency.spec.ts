/** Many writers at once: no change is lost or applied twice, sequences have no gaps, and no request waits for ever. */
import { setTimeout as sleep } from 'node:timers/promises';
import { patchOp, startGateway, type StoredEvent, type TestGateway, type TestTenant } from '../support/gateway.js';
import { until } from '../support/waiting.js';

let gateway: TestGateway;
let tenant: TestTenant;
beforeAll(async () => {
  gateway = await startGateway();
});
beforeEach(async () => {
  tenant = await gateway.createTenant();
});
afterAll(() => gateway.close());

const WRITERS = 16;
const times = <T>(n: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));
const users = async (count: number): Promise<string[]> =>
  (await times(count, (i) => tenant.send('POST', '/Users', { userName: `u${i}@x` }))).map((r) => r.body.id);

/** P1: per key the sequences are 1, 2, 3, ... in the order of delivery, and the last event has the stored state. */
async function expectOrderedEvents(): Promise<void> {
  const events = await tenant.events();
  for (const delivered of [events, await tenant.accessEvents()]) {
    const last = new Map<string, number>();
    for (const { key, sequence } of delivered) {
      expect([key, sequence]).toEqual([key, (last.get(key) ?? 0) + 1]);
      last.set(key, sequence);
    }
  }
  const rows = await gateway.sql<{ id: string; version: string; user_name: string; active: boolean; deleted: boolean }>(
    'select id, version, user_name, active, deleted_at is not null as deleted from directory.users where tenant_id = $1',
    [tenant.id],
  );
  for (const { id, version, user_name: userName, active, deleted } of rows) {
    const own = events.filter((e) => e.subject === id);
    expect([id, own.at(-1)?.sequence]).toEqual([id, Number(version)]);
    expect(own.at(-1)?.data.user).toMatchObject(deleted ? { active } : { userName, active });
  }
  const deleted = new Set(rows.filter((row) => row.deleted).map(({ id }) => id));
  const stored = await gateway.sql<{ id: string; version: string; members: string[] }>(
    `select g.id, g.version, array(select m.user_id::text from directory.members m where m.tenant_id = g.tenant_id and m.group_id = g.id order by m.user_id) as members
       from directory.groups g where g.tenant_id = $1`,
    [tenant.id],
  );
  for (const { id, version, members } of stored) {
    const own = events.filter((e) => e.subject === id);
    expect([id, own.at(-1)?.sequence]).toEqual([id, Number(version)]);
    expect([id, membersAfter(own).filter((user) => !deleted.has(user))]).toEqual([id, members]);
  }
}

/** The members that a subscriber has after these events. Nobody joins twice or leaves without being a member. */
function membersAfter(events: readonly StoredEvent[]): string[] {
  const members = new Set<string>();
  for (const { data } of events) {
    const { joined = [], left = [] } = data as { joined?: string[]; left?: string[] };
    for (const user of joined) expect(members.size < members.add(user).size).toBe(true);
    for (const user of left) expect(members.delete(user)).toBe(true);
  }
  return [...members].sort();
}

/** Deadlocks that Postgres has resolved so far; sessions report them about once a second. */
async function deadlocks(): Promise<number> {
  await sleep(1_200);
  const [row] = await gateway.sql<{ deadlocks: string }>(
    'select deadlocks from pg_stat_database where datname = current_database()',
  );
  return Number(row?.deadlocks);
}

describe('16 writers', () => {
  it('that change different attributes of one user all succeed, and every attribute has its last value', async () => {
    const [hot = ''] = await users(1);
    const attributes = [
      'title',
      'nickName',
      'userType',
      'locale',
      'timezone',
      'preferredLanguage',
      'displayName',
      'profileUrl',
    ];
    const replies = await times(WRITERS, async (writer) => {
      const attribute = attributes[writer % attributes.length] ?? '';
      const statuses: number[] = [];
      for (let i = 0; i < 6; i++)
        statuses.push(
          (
            await tenant.send(
              'PATCH',
              `/Users/${hot}`,
              patchOp({ op: 'replace', value: { [attribute]: `${writer}-${i}` } }),
            )
          ).status,
        );
      return statuses;
    });
    expect(new Set(replies.flat())).toEqual(new Set([200]));
    const stored = (await tenant.send('GET', `/Users/${hot}`)).body as unknown as Record<string, string>;
    for (const attribute of attributes) expect(stored[attribute]).toMatch(/-5$/);
    expect((await tenant.events()).length).toBe(1 + WRITERS * 6);
    await expectOrderedEvents();
  });

  it('that change, regroup and delete the same few users leave an exact history of events', async () => {
    const before = await deadlocks();
    const ids = await users(5);
    const groups = await times(
      3,
      async (i) => (await tenant.send('POST', '/Groups', { displayName: `G${i}` })).body.id,
    );
    const replies = await times(WRITERS, async (writer) => {
      const statuses: number[] = [];
      for (let i = 0; i < 8; i++) {
        const user = ids[(writer * 7 + i * 3) % ids.length] ?? '';
        const group = groups[(writer + i) % groups.length] ?? '';
        const reply = await [
          () =>
            tenant.send(
              'PATCH',
              `/Users/${user}`,
              patchOp({ op: 'replace', value: { active: (writer + i) % 2 === 0 } }),
            ),
          () =>
            tenant.send(
              'PATCH',
              `/Groups/${group}`,
              patchOp({ op: 'add', path: 'members', value: ids.map((value) => ({ value })) }),
            ),
          () =>
            tenant.send(
              'PATCH',
              `/Groups/${group}`,
              patchOp({
                op: 'replace',
                path: 'members',
                value: ids.filter((_, n) => (n + i) % 2 === 0).map((value) => ({ value })),
              }),
            ),
          () =>
            tenant.send('PUT', `/Groups/${group}`, {
              displayName: `G${(writer + i) % groups.length}`,
              members: [...ids].reverse().map((value) => ({ value })),
            }),
          () =>
            tenant.send('PATCH', `/Groups/${group}`, patchOp({ op: 'remove', path: `members[value eq "${user}"]` })),
        ][(writer + i) % 5]?.();
        statuses.push(reply?.status ?? 0);
      }
      return statuses;
    });
    expect(replies.flat().filter((status) => status >= 300)).toEqual([]);
    await tenant.send('DELETE', `/Users/${ids[0]}`);
    await expectOrderedEvents();
    expect(await deadlocks()).toBe(before);
  });

  it('that add members to one group, and remove one each, lose no other member', async () => {
    const ids = await users(64);
    const group = (await tenant.send('POST', '/Groups', { displayName: 'Hot' })).body.id;
    const replies = await times(WRITERS, async (writer) => {
      const own = ids.filter((_, i) => i % WRITERS === writer);
      const statuses: number[] = [];
      for (const value of own)
        statuses.push(
          (await tenant.send('PATCH', `/Groups/${group}`, patchOp({ op: 'add', path: 'members', value: [{ value }] })))
            .status,
        );
      statuses.push(
        (
          await tenant.send(
            'PATCH',
            `/Groups/${group}`,
            patchOp({ op: 'remove', path: `members[value eq "${own[0]}"]` }),
          )
        ).status,
      );
      return statuses;
    });
    expect(new Set(replies.flat())).toEqual(new Set([204]));
    const members = (await tenant.send('GET', `/Groups/${group}`)).body.members.map((m) => m.value);
    expect(members.sort()).toEqual(ids.slice(WRITERS).sort());
    await expectOrderedEvents();
  });

  it('that replace the whole membership leave one of their lists, never a mixture', async () => {
    const ids = await users(WRITERS * 2);
    const group = (await tenant.send('POST', '/Groups', { displayName: 'Lists' })).body.id;
    for (let round = 0; round < 4; round++) {
      const lists = Array.from({ length: WRITERS }, (_, i) => [ids[2 * i] ?? '', ids[2 * i + 1] ?? ''].sort());
      await times(WRITERS, (i) =>
        tenant.send(
          'PATCH',
          `/Groups/${group}`,
          patchOp({ op: 'replace', path: 'members', value: lists[i]?.map((value) => ({ value })) }),
        ),
      );
      const members = (await tenant.send('GET', `/Groups/${group}`)).body.members.map((m) => m.value).sort();
      expect(lists).toContainEqual(members);
    }
    await expectOrderedEvents();
  });

  it('that change the same users in different groups never deadlock', async () => {
    const before = await deadlocks();
    const ids = await users(60);
    const groups = await times(
      8,
      async (i) => (await tenant.send('POST', '/Groups', { displayName: `C${i}` })).body.id,
    );
    const replies = await times(groups.length, async (i) => {
      const statuses: number[] = [];
      for (let round = 0; round < 5; round++) {
        const members = round % 2 === 0 ? (i % 2 === 0 ? ids : [...ids].reverse()).map((value) => ({ value })) : [];
        statuses.push((await tenant.send('PUT', `/Groups/${groups[i]}`, { displayName: `C${i}`, members })).status);
      }
      return statuses;
    });
    expect(new Set(replies.flat())).toEqual(new Set([200]));
    await expectOrderedEvents();
    expect(await deadlocks()).toBe(before);
  });

  it('that rename one group cause one event with its own sequence for each name', async () => {
    const group = (await tenant.send('POST', '/Groups', { displayName: 'Name' })).body.id;
    const replies = await times(WRITERS, (i) => tenant.send('PUT', `/Groups/${group}`, { displayName: `Name ${i}` }));
    expect(new Set(replies.map((r) => r.status))).toEqual(new Set([200]));
    const events = await tenant.events();
    expect(events.map((e) => e.sequence)).toEqual(Array.from({ length: WRITERS + 1 }, (_, i) => i + 1));
    expect(events.at(-1)?.data.group).toMatchObject({
      displayName: (await tenant.send('GET', `/Groups/${group}`)).body.displayName,
      version: WRITERS + 1,
    });
    for (const [i, event] of events.slice(1).entries())
      expect(event.data.previousDisplayName).toBe(events[i]?.data.group?.displayName);
  });

  it('that create the same user create it once, and the same holds for a group', async () => {
    const created = await times(WRITERS, () =>
      tenant.send('POST', '/Users', { userName: 'Race@x', externalId: '00uR' }),
    );
    expect(created.filter((r) => ![201, 409].includes(r.status))).toEqual([]);
    expect(new Set(created.filter((r) => r.status === 201).map((r) => r.body.id)).size).toBe(1);
    const different = await times(WRITERS, (i) =>
      tenant.send('POST', '/Users', {
        userName: `RACE${i % 2 === 0 ? '' : '-'}2@x`,
        externalId: '00uS',
        title: String(i),
      }),
    );
    expect(new Set(different.filter((r) => r.status === 201).map((r) => r.body.id)).size).toBe(1);
    const groups = await times(WRITERS, (i) =>
      tenant.send('POST', '/Groups', { displayName: i % 2 === 0 ? 'Race' : 'RACE' }),
    );
    expect(groups.filter((r) => r.status === 201).length).toBe(1);
    expect(groups.filter((r) => r.status === 409).length).toBe(WRITERS - 1);
    expect((await tenant.events()).length).toBe(3);
    await expectOrderedEvents();
  });

  it("that repeat the create of Okta's rename end with one account", async () => {
    const id = (await tenant.send('POST', '/Users', { userName: 'old@x', externalId: '00uT', active: false })).body.id;
    const replies = await times(8, () => tenant.send('POST', '/Users', { userName: 'new@x', externalId: '00uT' }));
    expect(new Set(replies.filter((r) => r.status === 201).map((r) => r.body.id))).toEqual(new Set([id]));
    expect(replies.filter((r) => ![201, 409].includes(r.status))).toEqual([]);
    expect((await tenant.send('GET', '/Users')).body.totalResults).toBe(1);
    expect((await tenant.events()).length).toBe(3);
    await expectOrderedEvents();
  });

  it('that swap the names of two users get an answer, although Postgres may see a deadlock', async () => {
    const [a = '', b = ''] = await users(2);
    const replies = await times(WRITERS, (i) =>
      tenant.send(
        'PATCH',
        `/Users/${i % 2 === 0 ? a : b}`,
        patchOp({ op: 'replace', value: { userName: `n${(i >> 1) % 2}@x` } }),
      ),
    );
    expect(replies.filter((r) => ![200, 409].includes(r.status)).map((r) => r.text)).toEqual([]);
    await expectOrderedEvents();
  });
});

describe('deletions', () => {
  it('that run at the same time as changes of a group leave no deleted member in it', async () => {
    const ids = await users(20);
    const group = (await tenant.send('POST', '/Groups', { displayName: 'G' })).body.id;
    await Promise.all([
      ...ids.map((id) => tenant.send('DELETE', `/Users/${id}`)),
      ...Array.from({ length: 10 }, () =>
        tenant.send(
          'PATCH',
          `/Groups/${group}`,
          patchOp({ op: 'replace', path: 'members', value: ids.map((value) => ({ value })) }),
        ),
      ),
    ]);
    expect((await tenant.send('GET', `/Groups/${group}`)).body.members).toEqual([]);
    expect(await gateway.sql('select 1 from directory.members where tenant_id = $1', [tenant.id])).toEqual([]);
    await until(
      'an event of each deletion',
      async () => (await tenant.events()).filter((e) => e.type.endsWith('user.deleted.v2')).length === ids.length,
    );
    await expectOrderedEvents();
  });
});
