/** Users over HTTP: one account per person, events from the difference of two states, filters and pages. */
import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { schemaOf } from '#events';
import { BASE, patchOp, shortType, startGateway, type TestGateway, type TestTenant } from '../support/gateway.js';
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

const create = async (userName: string, more: Record<string, unknown> = {}): Promise<string> => {
  const reply = await tenant.send('POST', '/Users', { userName, ...more });
  expect(reply.status).toBe(201);
  return reply.body.id;
};
const types = async () => (await tenant.events()).map(shortType);
const names = async (query: string) =>
  (await tenant.send('GET', `/Users?${query}`)).body.Resources.map((u) => u.userName);
const filtered = (filter: string) => names(`filter=${encodeURIComponent(filter)}`);

describe('a user', () => {
  it('is created with a location, an event that names the request, and no password anywhere', async () => {
    const reply = await tenant.send('POST', '/Users', {
      userName: 'Ada@X.example',
      password: 'hunter2hunter2',
      externalId: '00u1',
      emails: [{ value: 'b@x' }, { value: 'a@x', primary: true }],
    });
    expect(reply.status).toBe(201);
    expect(reply.headers.location).toBe(`https://${tenant.host}${BASE}/Users/${reply.body.id}`);
    expect(reply.body.meta.location).toBe(reply.headers.location);
    const [event] = await tenant.events();
    expect(event).toMatchObject({
      type: 'com.stackflow.directory.user.created.v2',
      sequence: 1,
      causationId: reply.headers['x-request-id'],
      key: `${tenant.id}:${reply.body.id}`,
      data: { user: { userName: 'Ada@X.example', email: 'a@x', externalId: '00u1' } },
    });
    const dump = await gateway.sql<{ all: string }>(
      'select (select jsonb_agg(u)::text from directory.users u) || (select jsonb_agg(e)::text from bus.event_log e) as all',
    );
    expect(JSON.stringify([reply.text, dump, await tenant.events()])).not.toContain('hunter2');
  });

  it('has events whose sequences rise by one, two of them when attributes and active change at once', async () => {
    const id = await create('ada@x');
    await tenant.send('PUT', `/Users/${id}`, { userName: 'ada@x', title: 'Dr', active: false });
    await tenant.send('PUT', `/Users/${id}`, { userName: 'ada@x', title: 'Dr', active: false });
    await tenant.send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', value: { active: true } }));
    const events = await tenant.events();
    expect(events.map((e) => [shortType(e), e.sequence])).toEqual([
      ['user.created', 1],
      ['user.updated', 2],
      ['user.deactivated', 3],
      ['user.reactivated', 4],
    ]);
    expect(events[1]?.data).toMatchObject({ changed: ['title'], user: { active: false } });
  });

  it('is announced on directory.access for what concerns access, in an order of its own, and for nothing else', async () => {
    const id = await create('ada@x', { externalId: '00u1' });
    const change = (value: Record<string, unknown>) =>
      tenant.send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', value }));
    await change({ title: 'Dr', displayName: 'Ada L' });
    await tenant.send('POST', '/Groups', { displayName: 'All', members: [{ value: id }] });
    await change({ active: false, title: 'Prof' });
    await change({ active: false });
    await change({ userName: 'countess@x' });
    await change({ active: true });
    await change({ externalId: '00u2' });
    await tenant.send('DELETE', `/Users/${id}`);
    const events = await tenant.accessEvents();
    expect(events.map((e) => [e.sequence, e.data.user])).toEqual([
      [1, { id, userName: 'ada@x', externalId: '00u1', displayName: null, active: true, deleted: false }],
      [2, { id, userName: 'ada@x', externalId: '00u1', displayName: 'Ada L', active: false, deleted: false }],
      [3, { id, userName: 'countess@x', externalId: '00u1', displayName: 'Ada L', active: false, deleted: false }],
      [4, { id, userName: 'countess@x', externalId: '00u1', displayName: 'Ada L', active: true, deleted: false }],
      [5, { id, userName: 'countess@x', externalId: '00u2', displayName: 'Ada L', active: true, deleted: false }],
      [6, { id, userName: '', externalId: null, displayName: null, active: false, deleted: true }],
    ]);
  });

  it('keeps its version and its time of change after a request that changes nothing', async () => {
    const id = await create('ada@x', { title: 'Dr' });
    const before = (await tenant.send('GET', `/Users/${id}`)).body;
    await sleep(5);
    for (const reply of [
      await tenant.send('PUT', `/Users/${id}`, { ...before, password: 'another', groups: [] }),
      await tenant.send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', value: { active: true, title: 'Dr' } })),
    ]) {
      expect([reply.status, reply.body]).toEqual([200, before]);
    }
    const [row] = await gateway.sql<{ version: string }>('select version from directory.users where id = $1', [id]);
    expect(Number(row?.version)).toBe(1);
  });

  it('is not reactivated by a PUT without active', async () => {
    const id = await create('ada@x', { active: false });
    expect((await tenant.send('PUT', `/Users/${id}`, { userName: 'ada@x', title: 'Dr' })).body.active).toBe(false);
    expect(await types()).toEqual(['user.created', 'user.updated']);
  });

  it('is one person whichever Unicode form the name has, and is returned as it was sent', async () => {
    const [composed, decomposed] = ['j\u00f6rg@x', 'jo\u0308rg@x'];
    const { id } = (await tenant.send('POST', '/Users', { userName: decomposed })).body;
    expect((await tenant.send('POST', '/Users', { userName: composed })).status).toBe(409);
    for (const name of [composed, decomposed, decomposed.toUpperCase()]) {
      const filter = encodeURIComponent(`userName eq "${name}"`);
      const found = (await tenant.send('GET', `/Users?filter=${filter}`)).body.Resources;
      expect(found).toEqual([expect.objectContaining({ id, userName: decomposed })]);
    }
  });

  it('that is renamed by a new creation keeps its id, and the request log says so', async () => {
    const first = await tenant.send('POST', '/Users', { userName: 'old@x', externalId: '00u1' });
    const again = { userName: 'new@x', externalId: '00u1' };
    const refused = await tenant.send('POST', '/Users', again);
    expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining('active user "old@x"')]);
    await tenant.send('PATCH', `/Users/${first.body.id}`, patchOp({ op: 'replace', value: { active: false } }));
    // Another external id is another person, also for a name of an inactive user.
    for (const externalId of ['00u2', '00U1', undefined])
      expect((await tenant.send('POST', '/Users', { userName: 'old@x', externalId })).status).toBe(409);
    const taken = await tenant.send('POST', '/Users', again);
    expect([taken.status, taken.body.id, taken.body.userName]).toEqual([201, first.body.id, 'new@x']);
    const remarks = await until('the row of the request', async () => {
      const sql = 'select detail from directory.scim_request where tenant_id = $1 and status = 201 order by at';
      const rows = await gateway.sql<{ detail: string | null }>(sql, [tenant.id]);
      return rows.length === 2 && rows.map(({ detail }) => detail);
    });
    expect(remarks).toEqual([null, expect.stringContaining('inactive user "old@x" has the same externalId')]);
  });

  it('leaves its groups, frees its name and is announced with its final state when it is deleted', async () => {
    const id = await create('ada@x', { externalId: '00u1' });
    await tenant.send('POST', '/Groups', { displayName: 'G', members: [{ value: id }] });
    expect((await tenant.send('DELETE', `/Users/${id}`)).status).toBe(204);
    for (const method of ['GET', 'DELETE']) expect((await tenant.send(method, `/Users/${id}`)).status).toBe(404);
    expect(
      (await tenant.send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', value: { active: true } }))).status,
    ).toBe(404);
    expect((await tenant.send('GET', '/Groups')).body.Resources[0]?.members).toEqual([]);
    expect((await tenant.send('GET', '/Users')).body.totalResults).toBe(0);
    expect((await tenant.events()).at(-1)).toMatchObject({
      type: 'com.stackflow.directory.user.deleted.v2',
      sequence: 2,
      data: { user: { id, active: false } },
    });
    expect(await create('ADA@x', { externalId: '00u1' })).not.toBe(id);
  });

  it('leaves nothing in the directory but its id and version when it is deleted', async () => {
    const person = {
      externalId: '00u-gone',
      displayName: 'Gone Person',
      emails: [{ value: 'gone@home.example', primary: true }],
      phoneNumbers: [{ value: '+1 555 0100' }],
      addresses: [{ streetAddress: 'Gone Street 1' }],
    };
    const id = await create('gone@x', person);
    await tenant.send('DELETE', `/Users/${id}`);
    const [row] = await gateway.sql<{ text: string }>('select u::text as text from directory.users u where id = $1', [
      id,
    ]);
    expect(row?.text).toContain(id);
    expect(row?.text).not.toMatch(/gone|555|Person/i);
  });

  it('has a name that no other existing user has in any case, and keeps the case that was sent', async () => {
    await create('Ada@X');
    const id = await create('bob@x');
    for (const reply of [
      await tenant.send('POST', '/Users', { userName: 'aDA@x' }),
      await tenant.send('PUT', `/Users/${id}`, { userName: 'ADA@X' }),
    ]) {
      expect([reply.status, reply.body.scimType]).toEqual([409, 'uniqueness']);
    }
    expect((await tenant.send('PUT', `/Users/${id}`, { userName: 'BOB@x' })).body.userName).toBe('BOB@x');
  });
});

describe('a POST with the external id of an existing user', () => {
  it("is Okta's rename if that user is inactive: the same id, a new profile, active again", async () => {
    const id = await create('old@x', { externalId: '00u1', title: 'Dr' });
    await tenant.send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', value: { active: false } }));
    const reply = await tenant.send('POST', '/Users', { userName: 'new@x', externalId: '00u1', active: true });
    expect([reply.status, reply.body.id, reply.body.userName, reply.body.active]).toEqual([201, id, 'new@x', true]);
    expect(reply.body).not.toHaveProperty('title');
    expect((await types()).slice(2)).toEqual(['user.updated', 'user.reactivated']);
  });

  it('is refused if that user is active, and changes nothing', async () => {
    await create('old@x', { externalId: '00u1' });
    const reply = await tenant.send('POST', '/Users', { userName: 'new@x', externalId: '00u1' });
    expect([reply.status, reply.body.scimType]).toEqual([409, 'uniqueness']);
    expect(reply.body.detail).toMatch(/active user "old@x".*deactivate/);
    expect(await types()).toEqual(['user.created']);
  });

  it('ignores deleted users that had the same name or the same external id', async () => {
    for (const [userName, externalId] of [
      ['new@x', '00u-gone'],
      ['gone@x', '00u1'],
    ])
      await tenant.send('DELETE', `/Users/${await create(userName ?? '', { externalId })}`);
    const id = await create('old@x', { externalId: '00u1', active: false });
    const reply = await tenant.send('POST', '/Users', { userName: 'new@x', externalId: '00u1', active: true });
    expect([reply.status, reply.body.id, reply.body.userName]).toEqual([201, id, 'new@x']);
  });

  it('cannot take over an inactive user by name alone', async () => {
    await create('victim@x', { active: false });
    const reply = await tenant.send('POST', '/Users', { userName: 'victim@x', externalId: '00u-attacker' });
    expect(reply.status).toBe(409);
  });
});

describe('a POST that is sent twice', () => {
  const body = { userName: 'lost@x', externalId: '00u9', name: { givenName: 'L' }, password: 'one' };

  const postAndHangUp = () =>
    new Promise<void>((resolve) => {
      const text = JSON.stringify(body);
      const request = httpRequest({
        port: gateway.port,
        host: '127.0.0.1',
        method: 'POST',
        path: `${BASE}/Users`,
        agent: false,
        headers: {
          authorization: `Bearer ${tenant.token}`,
          'content-type': 'application/scim+json',
          'content-length': Buffer.byteLength(text),
        },
      });
      request.on('error', () => resolve());
      request.on('close', () => resolve());
      // The lock keeps the insert waiting until the client has gone.
      request.end(text, () => setTimeout(() => request.destroy(), 150));
    });

  it('returns the user of the first one if that answer was lost, without a second event', async () => {
    await gateway.sql('begin; lock table directory.users in share mode');
    const gone = postAndHangUp();
    await gone;
    await gateway.sql('commit');
    await until('the event of the creation', async () => (await tenant.events()).length === 1);
    const reply = await tenant.send('POST', '/Users', { ...body, password: 'two' });
    expect([reply.status, reply.body.userName]).toEqual([201, 'lost@x']);
    // The answer to the creating request is still lost, so only a different body is a conflict.
    expect((await tenant.send('POST', '/Users', { ...body, title: 'other' })).status).toBe(409);
    expect(await types()).toEqual(['user.created']);
  });

  it('is a conflict if the answer of the first one was delivered', async () => {
    expect((await tenant.send('POST', '/Users', body)).status).toBe(201);
    expect((await tenant.send('POST', '/Users', body)).status).toBe(409);
  });

  it('is a conflict if the user has changed since, or after a day', async () => {
    const id = await create('lost@x', { externalId: '00u9', name: { givenName: 'L' } });
    await gateway.database.query('delete from scim_request'); // then the delivery is unknown
    await sleep(150);
    await gateway.sql('update directory.scim_request set delivered = false');
    await gateway.sql(`update directory.users set created_at = created_at - interval '25 hours' where id = $1`, [id]);
    expect((await tenant.send('POST', '/Users', body)).status).toBe(409);
    await gateway.sql(`update directory.users set created_at = now(), version = 2 where id = $1`, [id]);
    expect((await tenant.send('POST', '/Users', body)).status).toBe(409);
    await gateway.sql(`update directory.users set version = 1 where id = $1`, [id]);
    expect((await tenant.send('POST', '/Users', body)).status).toBe(201);
  });
});

describe('lists of users', () => {
  beforeEach(async () => {
    await create('Ada@x', {
      externalId: '00uA',
      displayName: 'Ada L',
      emails: [
        { value: 'Ada@Work', type: 'work' },
        { value: 'ada@home', type: 'home' },
      ],
    });
    await create('bob@x', { externalId: '00ua', active: false, emails: [{ value: 'bob@home', type: 'home' }] });
    await create('50%_off\\"x"', { displayName: "O'Hara; drop table users" });
  });

  it.each([
    ['userName eq "ADA@X"', ['Ada@x']],
    ['urn:ietf:params:scim:schemas:core:2.0:User:username eq "bob@x"', ['bob@x']],
    ['externalId eq "00ua"', ['bob@x']],
    ['active eq false', ['bob@x']],
    ['active eq "True" and userName sw "a"', ['Ada@x']],
    ['not (active eq true)', ['bob@x']],
    ['emails[type eq "work"].value eq "ada@work"', ['Ada@x']],
    ['emails[type eq "home" and value co "ADA"]', ['Ada@x']],
    ['emails[type eq "work" and value eq "ada@home"]', []],
    ['emails.value ew "@HOME"', ['Ada@x', 'bob@x']],
    ['emails eq "bob@home"', ['bob@x']],
    ['not (emails pr)', ['50%_off\\"x"']],
    ['userName co "%_"', ['50%_off\\"x"']],
    ['userName eq "50%_OFF\\\\\\"x\\""', ['50%_off\\"x"']],
    ['displayName co "\'hara; DROP"', ['50%_off\\"x"']],
    ['displayName eq null', ['bob@x']],
    ['externalId ne "00uA"', ['bob@x', '50%_off\\"x"']],
    ['meta.created gt "2001-01-01T00:00:00Z"', ['Ada@x', 'bob@x', '50%_off\\"x"']],
    ['meta.lastModified lt "2001-01-01T00:00:00Z" or userName gt "b"', ['bob@x']],
    ['id eq "nonsense"', []],
  ])('contain the matches of the filter %s', async (filter, expected) =>
    expect(await filtered(filter)).toEqual(expected),
  );

  it.each([
    'userName eq "JOSE\u0301@Y"',
    'userName sw "Jose\u0301"',
    'userName co "OSE\u0301@"',
    'userName ew "se\u0301@Y"',
  ])('find a user name in either composition of its characters: %s', async (filter) => {
    await create('jos\u00e9@y');
    expect(await filtered(filter)).toEqual(['jos\u00e9@y']);
  });

  it('find a user by id in any case', async () => {
    const id = (await tenant.send('GET', '/Users?count=1')).body.Resources[0]?.id;
    expect(await filtered(`id eq "${String(id).toUpperCase()}"`)).toEqual(['Ada@x']);
  });

  it.each([
    'title eq "x"',
    'name.givenName eq "x"',
    'password eq "x"',
    'shoe pr',
    'emails[shoe eq "x"]',
    'urn:x:y:userName eq "a"',
    'groups eq "x"',
  ])('name the supported attributes if the filter uses another one: %s', async (filter) => {
    const reply = await tenant.send('GET', `/Users?filter=${encodeURIComponent(filter)}`);
    expect([reply.status, reply.body.scimType]).toEqual([400, 'invalidFilter']);
    expect(reply.body.detail).toContain('userName');
  });

  it.each([
    'active gt true',
    'active eq "maybe"',
    'meta.created eq "yesterday"',
    'meta.created sw "2026"',
    'id sw "a"',
    'userName gt null',
  ])('refuse the comparison %s', async (filter) => {
    expect((await tenant.send('GET', `/Users?filter=${encodeURIComponent(filter)}`)).body.scimType).toBe(
      'invalidFilter',
    );
  });

  it('have pages in the order of creation, with each user once and none past the end', async () => {
    const pages = await Promise.all(
      [1, 2, 3, 4].map((startIndex) => tenant.send('GET', `/Users?startIndex=${startIndex}&count=1`)),
    );
    expect(pages.flatMap((p) => p.body.Resources.map((u) => u.userName))).toEqual(['Ada@x', 'bob@x', '50%_off\\"x"']);
    expect(pages.map((p) => [p.body.totalResults, p.body.startIndex, p.body.itemsPerPage])).toEqual([
      [3, 1, 1],
      [3, 2, 1],
      [3, 3, 1],
      [3, 4, 0],
    ]);
    expect((await tenant.send('GET', '/Users?count=0')).body).toMatchObject({
      totalResults: 3,
      itemsPerPage: 0,
      Resources: [],
    });
    expect((await tenant.send('GET', '/Users?count=-3&startIndex=0')).body).toMatchObject({
      totalResults: 3,
      startIndex: 1,
      Resources: [],
    });
    expect((await tenant.send('GET', '/Users?startIndex=1e9')).status).toBe(400);
  });

  it('return the requested attributes', async () => {
    expect((await tenant.send('GET', '/Users?count=1&attributes=userName')).body.Resources).toEqual([
      { schemas: expect.anything() as unknown, id: expect.anything() as unknown, userName: 'Ada@x' },
    ]);
    const id = (await tenant.send('GET', '/Users?count=1')).body.Resources[0]?.id;
    expect((await tenant.send('GET', `/Users/${id}?excludedAttributes=emails,groups`)).body).not.toHaveProperty(
      'emails',
    );
    const before = (await tenant.events()).length;
    expect(
      (
        await tenant.send(
          'PATCH',
          `/Users/${id}?attributes=a&excludedAttributes=b`,
          patchOp({ op: 'replace', value: { active: false } }),
        )
      ).status,
    ).toBe(400);
    expect((await tenant.events()).length).toBe(before);
  });
});

describe('discovery', () => {
  it('has absolute locations, the resource types and the schemas', async () => {
    expect((await tenant.send('GET', '/ServiceProviderConfig')).body.meta.location).toBe(
      `https://${tenant.host}${BASE}/ServiceProviderConfig`,
    );
    expect((await tenant.send('GET', '/ResourceTypes')).body.totalResults).toBe(2);
    expect((await tenant.send('GET', '/Schemas/urn:ietf:params:scim:schemas:core:2.0:User')).status).toBe(200);
    expect((await tenant.send('GET', '/Schemas/urn:nope')).status).toBe(404);
    expect((await tenant.send('GET', '/Schemas?filter=x')).status).toBe(403);
  });
});

describe('every event', () => {
  it('has the shape that the catalog defines, also if SQL builds it', async () => {
    const id = await create('ada@x', {
      externalId: '00u1',
      displayName: 'Ada',
      name: { givenName: 'A', familyName: 'L' },
      emails: [{ value: 'e@x' }],
    });
    const group = await tenant.send('POST', '/Groups', {
      displayName: 'G',
      members: [{ value: id }, { value: randomUUID() }],
    });
    await tenant.send('PUT', `/Users/${id}`, { userName: 'ada2@x' });
    await tenant.send(
      'PATCH',
      `/Groups/${group.body.id}`,
      patchOp({ op: 'remove', path: `members[value eq "${id}"]` }, { op: 'replace', path: 'displayName', value: 'H' }),
    );
    await tenant.send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', value: { active: false } }));
    await tenant.send('DELETE', `/Groups/${group.body.id}`);
    await tenant.send('DELETE', `/Users/${id}`);
    const events = await tenant.events();
    expect(events.length).toBe(9);
    for (const event of events) expect(schemaOf(event.type)?.parse(event.data)).toEqual(event.data);
  });
});
