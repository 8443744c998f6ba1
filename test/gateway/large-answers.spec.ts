/** Answers with many members are written in pieces, at the pace of the client, and hold nothing that others wait for. */
import { jest } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { Database } from '#platform';
import { LIMITS } from '#scim';
import { BASE, startGateway, type ScimBody, type TestGateway, type TestTenant } from '../support/gateway.js';
import { until } from '../support/waiting.js';

const PEOPLE = 30_000;
const GROUPS = 5;
/** The page ends after the group with which it has 100,000 members. */
const GROUPS_PER_PAGE = Math.ceil(LIMITS.pageMembers / PEOPLE);

let gateway: TestGateway;
let large: TestTenant;
let other: TestTenant;
let database: Database;
beforeAll(async () => {
  gateway = await startGateway();
  large = await gateway.createTenant();
  other = await gateway.createTenant();
  database = gateway.app.get(Database);
  await gateway.sql(
    `insert into directory.users (tenant_id, id, user_name, user_name_key, external_id, active, email, resource, version, created_at, updated_at, created_request)
     select $1, gen_random_uuid(), 'p' || n || '@x.example', 'p' || n || '@x.example', '00u' || n, true, null,
       jsonb_build_object('userName', 'p' || n || '@x.example', 'externalId', '00u' || n, 'active', true), 1, now() + n * interval '1 s', now(), gen_random_uuid()
     from generate_series(1, ${PEOPLE}) n`,
    [large.id],
  );
  await gateway.sql(
    `insert into directory.groups (tenant_id, id, display_name, display_name_key, version, created_at, updated_at)
     select $1, gen_random_uuid(), 'Group ' || n, 'group ' || n, 1, now() + n * interval '1 s', now() from generate_series(1, ${GROUPS}) n`,
    [large.id],
  );
  await gateway.sql(
    `insert into directory.members (tenant_id, group_id, user_id)
     select $1, g.id, u.id from directory.groups g join directory.users u on u.tenant_id = g.tenant_id where g.tenant_id = $1`,
    [large.id],
  );
  await gateway.sql('analyze directory.users, directory.groups, directory.members');
});
afterAll(() => gateway.close());
afterEach(() => jest.restoreAllMocks());

/** A client that reads only when the test tells it to. */
class SlowClient {
  private readonly socket: Socket;
  private text = '';
  private ended = false;

  constructor({ token }: TestTenant, path: string) {
    this.socket = connect(gateway.port, '127.0.0.1');
    this.socket.pause();
    this.socket.on('data', (chunk) => (this.text += chunk.toString('latin1')));
    this.socket.on('close', () => (this.ended = true));
    this.socket.on('error', () => undefined);
    this.socket.write(
      `GET ${BASE}${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
    );
  }

  /** Reads until the server ends the connection. Returns the body, without the marks of its chunks. */
  async rest(): Promise<string> {
    this.socket.resume();
    await until('the server ends the connection', () => this.ended, 30_000);
    const body = this.text.slice(this.text.indexOf('\r\n\r\n') + 4);
    return body.replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '');
  }

  leave(): void {
    this.socket.destroy();
  }
}

/** Counts the rows that the gateway reads outside transactions. */
function countRows(): () => number {
  const query = database.query.bind(database);
  let rows = 0;
  jest.spyOn(database, 'query').mockImplementation(async (sql, values) => {
    const result = await query(sql, values);
    rows += result.length;
    return result;
  });
  return () => rows;
}

/** Waits until the number stays the same, i.e. until the buffers of all connections are full. */
async function standstill(count: () => number): Promise<number> {
  let [before, since] = [-1, Date.now()];
  await until('nothing more is read', () => {
    if (count() !== before) [before, since] = [count(), Date.now()];
    return before > 0 && Date.now() - since > 500;
  });
  return before;
}

const delivered = async (query: string): Promise<boolean[]> => {
  const rows = await gateway.sql<{ delivered: boolean }>(
    `select delivered from directory.scim_request where tenant_id = $1 and url like '%' || $2 order by at`,
    [large.id, query],
  );
  return rows.map((row) => row.delivered);
};

describe('a page of groups', () => {
  it('ends after the group with which it has 100,000 members, and the next page begins there', async () => {
    const page = (await large.send('GET', '/Groups?count=5')).body;
    expect(page).toMatchObject({ totalResults: GROUPS, startIndex: 1, itemsPerPage: GROUPS_PER_PAGE });
    expect(page.Resources.map((group) => group.members.length)).toEqual(
      new Array<number>(GROUPS_PER_PAGE).fill(PEOPLE),
    );
    const next = (await large.send('GET', `/Groups?startIndex=${GROUPS_PER_PAGE + 1}&count=5`)).body;
    expect(next).toMatchObject({ totalResults: GROUPS, itemsPerPage: GROUPS - GROUPS_PER_PAGE });
    const names = [...page.Resources, ...next.Resources].map((group) => group.displayName);
    expect(names).toEqual(['Group 1', 'Group 2', 'Group 3', 'Group 4', 'Group 5']);
  });

  it('reads no members if nobody asks for them, and is whole', async () => {
    const rows = countRows();
    for (const query of ['excludedAttributes=members', 'attributes=displayName']) {
      const page = (await large.send('GET', `/Groups?${query}`)).body;
      expect(page.itemsPerPage).toBe(GROUPS);
      for (const group of page.Resources) expect(group).not.toHaveProperty('members');
    }
    expect(rows()).toBeLessThan(100);
  });

  it('lists each member once, in the order of the ids, with the attributes that were asked for', async () => {
    const [first] = (await large.send('GET', '/Groups?count=1&attributes=members.value')).body.Resources;
    const stored = await gateway.sql<{ id: string }>(
      'select id from directory.users where tenant_id = $1 order by id',
      [large.id],
    );
    expect(first?.members).toEqual(stored.map(({ id }) => ({ value: id })));
    expect(Object.keys(first ?? {}).sort()).toEqual(['id', 'members', 'schemas']);
    const group = (await large.send('GET', `/Groups/${first?.id}`)).body;
    expect(group.members).toHaveLength(PEOPLE);
    expect(Object.keys(group.members[0] ?? {}).sort()).toEqual(['$ref', 'display', 'type', 'value']);
  });
});

it('a page of users lists the groups of each user, and keeps the order of the users', async () => {
  const page = (await large.send('GET', '/Users?count=1000&startIndex=101')).body;
  expect(page).toMatchObject({ totalResults: PEOPLE, startIndex: 101, itemsPerPage: 1_000 });
  expect(page.Resources.map((user) => user.userName)).toEqual(
    Array.from({ length: 1_000 }, (_, n) => `p${n + 101}@x.example`),
  );
  for (const user of page.Resources) {
    expect(user.groups.map((group) => group.display).sort()).toEqual([
      'Group 1',
      'Group 2',
      'Group 3',
      'Group 4',
      'Group 5',
    ]);
    expect([...user.groups].map((group) => group.value).sort()).toEqual(user.groups.map((group) => group.value));
  }
  const short = (await large.send('GET', '/Users?count=3&attributes=userName')).body;
  expect(short.Resources.map((user) => Object.keys(user).sort())).toEqual(
    new Array(3).fill(['id', 'schemas', 'userName']),
  );
});

describe('clients that read slowly', () => {
  it('hold no rows beyond the buffers and no connection, so another tenant is answered; then they get the rest', async () => {
    const rows = countRows();
    const clients = Array.from({ length: 6 }, (_, n) => new SlowClient(large, `/Groups?count=1000&slow=${n}`));
    const buffered = await standstill(rows);
    expect(buffered).toBeLessThan((clients.length * GROUPS_PER_PAGE * PEOPLE) / 2);
    expect(database.pool).toMatchObject({ waitingCount: 0, idleCount: database.pool.totalCount });
    expect((await other.send('POST', '/Users', { userName: 'ada@y' })).status).toBe(201);
    expect((await other.send('GET', '/Users?count=10')).body.totalResults).toBe(1);
    expect(rows() - buffered).toBeLessThan(100);
    const [first, ...others] = clients;
    for (const client of others) client.leave();
    const page = JSON.parse((await first?.rest()) ?? '') as ScimBody;
    expect(page.itemsPerPage).toBe(GROUPS_PER_PAGE);
    expect(page.Resources.at(-1)?.members).toHaveLength(PEOPLE);
    await until('the request is logged', async () => (await delivered('slow=0')).length === 1);
    expect(await delivered('slow=0')).toEqual([true]);
  });

  it('and leave cause no more reads, and the log says that the answer was not delivered', async () => {
    const rows = countRows();
    const client = new SlowClient(large, '/Groups?count=1000&leaves');
    const buffered = await standstill(rows);
    client.leave();
    await until('the request is logged', async () => (await delivered('leaves')).length === 1);
    expect(await delivered('leaves')).toEqual([false]);
    expect((await standstill(rows)) - buffered).toBeLessThan(5_000);
  });

  it('get an end of the connection if the database fails, and the log says that the answer was not delivered', async () => {
    const rows = countRows();
    const client = new SlowClient(large, '/Groups?count=1000&fails');
    await standstill(rows);
    await gateway.sql('alter table directory.members rename to members_away');
    try {
      const text = await client.rest();
      expect(text).toContain('"Resources":[{');
      expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
      await until('the request is logged', async () => (await delivered('fails')).length === 1);
      expect(await delivered('fails')).toEqual([false]);
      // Before the first byte, a failure is still a SCIM error.
      expect((await large.send('GET', '/Groups')).body.schemas).toEqual([
        'urn:ietf:params:scim:api:messages:2.0:Error',
      ]);
    } finally {
      await gateway.sql('alter table directory.members_away rename to members');
    }
    expect((await large.send('GET', '/Groups?count=1')).status).toBe(200);
  });
});

describe('a filter', () => {
  const list = (filter: string, path = '/Users') =>
    large.send('GET', `${path}?count=1&filter=${encodeURIComponent(filter)}`);
  const searches = (count: number) => Array.from({ length: count }, (_, n) => `displayName co "x${n}"`).join(' or ');

  it('may search 100,000 texts: three comparisons in 30,000 users, but not four', async () => {
    expect((await list(searches(3))).body.totalResults).toBe(0);
    for (const filter of [searches(4), `not (${searches(4)})`, `active eq true and (${searches(4)})`]) {
      const { status, body } = await list(filter);
      expect([status, body.scimType]).toEqual([400, 'tooMany']);
      expect(body.detail).toMatch(/4 comparisons with co, sw or ew.*25,000 users.*eq/);
    }
  });

  it('may have more of them beside the comparison of a unique attribute, in a small tenant, and for groups', async () => {
    const one = await list(`userName eq "p7@x.example" and (userName sw "p" or ${searches(18)})`);
    expect(one.body.totalResults).toBe(1);
    expect((await list(`userName eq "p7@x.example" or ${searches(4)}`)).status).toBe(400);
    expect((await other.send('GET', `/Users?filter=${encodeURIComponent(searches(20))}`)).status).toBe(200);
    expect((await list(searches(20), '/Groups')).status).toBe(200);
  });

  it('that takes more than 2 s is refused, and says what to do', async () => {
    await gateway.sql('begin');
    await gateway.sql('lock table directory.users in access exclusive mode');
    try {
      const { status, body } = await list('displayName eq "x"');
      expect([status, body.scimType]).toEqual([400, 'tooMany']);
      expect(body.detail).toMatch(/more than 2 s.*eq/);
    } finally {
      await gateway.sql('rollback');
    }
    expect((await list('displayName eq "x"')).status).toBe(200);
  });
});

it('a page of users with 1 MB each is read a few users at a time', async () => {
  const tenant = await gateway.createTenant();
  const [{ id } = { id: '' }] = await gateway.sql<{ id: string }>(
    `insert into directory.users (tenant_id, id, user_name, user_name_key, active, resource, version, created_at, updated_at, created_request)
     select $1, gen_random_uuid(), 'l' || n, 'l' || n, true, jsonb_build_object('userName', 'l' || n, 'active', true, 'title', repeat(n::text, 1000000)),
       1, now() + n * interval '1 s', now(), gen_random_uuid() from generate_series(1, 9) n returning id`,
    [tenant.id],
  );
  let most = 0;
  const query = database.query.bind(database);
  jest.spyOn(database, 'query').mockImplementation(async (sql, values) => {
    const rows = await query(sql, values);
    const large = rows.filter((row) => typeof row['resource'] === 'object');
    most = Math.max(most, JSON.stringify(large).length);
    return rows;
  });
  const reply = await tenant.send('GET', '/Users?count=1000');
  expect(reply.body.Resources.map((user) => user.userName)).toEqual(Array.from({ length: 9 }, (_, n) => `l${n + 1}`));
  expect(reply.text.length).toBeGreaterThan(9_000_000);
  expect(most).toBeGreaterThan(1_000_000);
  expect(most).toBeLessThan(3_000_000);
  await tenant.send('DELETE', `/Users/${id}`);
  expect((await tenant.send('GET', '/Users')).body.itemsPerPage).toBe(8);
});
