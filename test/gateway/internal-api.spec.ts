/** scim-gateway's internal API: operators read the log of SCIM requests, of one tenant at a time. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DirectoryClient, EventBusClient, InternalClient, type ScimRequestQuery } from '#contracts';
import { entityDifferences } from '../support/entities.js';
import { TOKEN } from '../support/internal-api.js';
import { BASE, rawRequest, startGateway, type TestGateway, type TestTenant } from '../support/gateway.js';
import { eventually } from '../support/waiting.js';

let gateway: TestGateway;
let tenant: TestTenant;
let other: TestTenant;
let api: DirectoryClient;
let adaId: string;
beforeAll(async () => {
  gateway = await startGateway();
  api = new DirectoryClient(new InternalClient({ service: 'scim-gateway', url: gateway.url, token: TOKEN }));
  tenant = await gateway.createTenant();
  other = await gateway.createTenant();
  adaId = (await tenant.send('POST', '/Users', { userName: 'ada@x' })).body.id;
  await tenant.send('PUT', `/Users/${adaId}`, { userName: 'ada@x', title: 'Dr' });
  await tenant.send('POST', '/Groups', { displayName: 'G', members: [{ value: 'nobody' }] });
  await tenant.send('POST', '/Users', { userName: 'ADA@x' });
  await tenant.send('GET', '/Nothing');
  await other.send('POST', '/Users', { userName: 'eve@x' });
  await eventually(async () => {
    expect((await api.requests(tenant.id)).requests).toHaveLength(5);
    expect((await api.requests(other.id)).requests).toHaveLength(1);
  });
});
afterAll(() => gateway.close());

const found = async (query: ScimRequestQuery) =>
  (await api.requests(tenant.id, query)).requests.map(({ method, status }) => `${method} ${status}`);
const raw = (path: string, authorization?: string) =>
  rawRequest(gateway.port, 'GET', path, authorization === undefined ? {} : { authorization });
const SERVICE = `Bearer ${TOKEN}`;

describe('the log of SCIM requests', () => {
  it('shows the newest request first, with its answer', async () => {
    const { requests, nextCursor } = await api.requests(tenant.id);
    expect(requests.map((r) => r.status)).toEqual([404, 409, 201, 200, 201]);
    expect(nextCursor).toBeNull();
    expect(requests[1]).toEqual({
      id: expect.any(String),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      method: 'POST',
      url: `${BASE}/Users`,
      resourceType: 'Users',
      resourceId: null,
      status: 409,
      durationMs: expect.any(Number),
      scimType: 'uniqueness',
      detail: expect.stringContaining('ADA@x'),
      leftOut: [],
      leftOutCount: 0,
      delivered: true,
      userAgent: null,
      repeats: 1,
    });
    expect(requests[2]).toMatchObject({ resourceType: 'Groups', leftOut: ['nobody'], leftOutCount: 1 });
    expect(requests[0]).toMatchObject({ resourceType: null, url: `${BASE}/Nothing` });
  });

  it('can be filtered by resource, type, status, method and time', async () => {
    expect(await found({ resourceId: adaId })).toEqual(['PUT 200', 'POST 201']);
    expect(await found({ resourceType: 'Groups' })).toEqual(['POST 201']);
    expect(await found({ statusAtLeast: 400 })).toEqual(['GET 404', 'POST 409']);
    expect(await found({ method: 'POST', resourceType: 'Users' })).toEqual(['POST 409', 'POST 201']);
    const since = (await api.requests(tenant.id)).requests[1]?.at ?? '';
    expect(await found({ since })).toEqual(['GET 404', 'POST 409']);
    expect(await found({ resourceId: randomUUID() })).toEqual([]);
  });

  it('is read page by page, each request once, also when requests have the same time', async () => {
    await gateway.sql('update directory.scim_request set at = $2 where tenant_id = $1', [other.id, new Date()]);
    for (let n = 0; n < 4; n++) await other.send('GET', '/Users');
    await eventually(async () => expect((await api.requests(other.id)).requests).toHaveLength(5));
    await gateway.sql("update directory.scim_request set at = '2026-01-01' where tenant_id = $1", [other.id]);
    const all = (await api.requests(other.id)).requests.map((r) => r.id);
    const read: string[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await api.requests(other.id, { limit: 2, ...(cursor && { cursor }) });
      read.push(...page.requests.map((r) => r.id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(read).toEqual(all);
  });

  it("never shows another tenant's requests, whatever the filter or the cursor says", async () => {
    const foreign = (await api.requests(other.id, { limit: 1 })).nextCursor ?? undefined;
    const pages = await Promise.all([
      api.requests(tenant.id, { limit: 500 }),
      api.requests(tenant.id, foreign === undefined ? {} : { cursor: foreign }),
    ]);
    const own = await gateway.sql<{ id: string }>('select id from directory.scim_request where tenant_id = $1', [
      tenant.id,
    ]);
    const ownIds = own.map((row) => row.id);
    for (const { requests } of pages) for (const { id } of requests) expect(ownIds).toContain(id);
    expect((await api.requests(other.id, { resourceId: adaId })).requests).toEqual([]);
  });

  it('does not contain the calls of the internal API', async () => {
    expect((await api.requests(tenant.id)).requests.filter((r) => r.url.includes('internal'))).toEqual([]);
  });
});

describe('the list of tenants', () => {
  it('names every tenant that the service knows', async () => {
    const { tenants } = await api.tenants();
    expect(tenants).toContainEqual({ id: tenant.id, slug: tenant.slug, host: tenant.host, settingsVersion: 1 });
    expect(tenants).toHaveLength(2);
  });
});

describe('the internal API', () => {
  const paths = () => ['/internal/tenants', `/internal/tenants/${tenant.id}/requests`, '/internal/events'];

  it('answers a problem to a caller without a credential, on every documented path', async () => {
    const { paths: documented } = JSON.parse(readFileSync('docs/api/scim-gateway.json', 'utf8')) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const routes = Object.entries(documented).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path.replace(/\{\w+\}/g, tenant.id)] as const),
    );
    expect(routes.map(([, path]) => path)).toEqual(expect.arrayContaining(paths()));
    for (const [method, path] of routes)
      for (const authorization of [undefined, `Bearer ${tenant.token}`, 'Bearer wrong']) {
        const reply = await rawRequest(
          gateway.port,
          method,
          path,
          authorization === undefined ? {} : { authorization },
        );
        expect([method, path, reply.status]).toEqual([method, path, 401]);
        expect(reply.headers['content-type']).toMatch('application/problem+json');
        expect(reply.body).toMatchObject({ status: 401, code: 'unauthenticated' });
      }
  });

  it.each([
    ['a tenant that does not exist', () => `/internal/tenants/${randomUUID()}/requests`, 404, 'not_found'],
    ['a tenant id that is no UUID', () => '/internal/tenants/default/requests', 400, 'invalid_request'],
    ['a limit beyond 500', () => `/internal/tenants/${tenant.id}/requests?limit=501`, 400, 'invalid_request'],
    [
      'a method that does not exist',
      () => `/internal/tenants/${tenant.id}/requests?method=GRAB`,
      400,
      'invalid_request',
    ],
    ['a time that is none', () => `/internal/tenants/${tenant.id}/requests?since=today`, 400, 'invalid_request'],
    ['a cursor that is none', () => `/internal/tenants/${tenant.id}/requests?cursor=x`, 400, 'invalid_request'],
    ['an unknown parameter', () => `/internal/tenants/${tenant.id}/requests?tenant=x`, 400, 'invalid_request'],
  ])('answers a problem to %s', async (_, path, status, code) => {
    const reply = await raw(path(), SERVICE);
    expect([reply.status, reply.headers['content-type']]).toEqual([
      status,
      expect.stringContaining('application/problem+json'),
    ]);
    expect(reply.body).toMatchObject({ code });
  });

  it('answers a problem to a body that is not JSON', async () => {
    const headers = { authorization: SERVICE, 'content-type': 'application/json' };
    const reply = await rawRequest(gateway.port, 'POST', '/internal/events/parked/retry', headers, '{');
    expect([reply.status, reply.headers['content-type']]).toEqual([
      400,
      expect.stringContaining('application/problem+json'),
    ]);
    expect(reply.body).toMatchObject({ code: 'invalid_request', detail: expect.stringContaining('JSON') });
  });

  it('shows the state of the event bus', async () => {
    const bus = new EventBusClient(new InternalClient({ service: 'scim-gateway', url: gateway.url, token: TOKEN }));
    expect(await bus.state()).toMatchObject({ carrier: 'postgres' });
  });

  it('cannot be reached below the SCIM base URL, and its token opens no SCIM path', async () => {
    for (const path of paths().flatMap((p) => [`${BASE}${p}`, `/scim/v2${p}`, `/scim/v2/..${p}`])) {
      const reply = await raw(path, SERVICE);
      expect([reply.status, reply.headers['content-type']]).toEqual([401, 'application/scim+json; charset=utf-8']);
    }
    for (const path of [`${BASE}/Users`, '/internal', '/internal/nope'])
      expect((await raw(path, SERVICE)).headers['content-type']).toBe('application/scim+json; charset=utf-8');
    expect((await tenant.send('GET', '/internal/tenants')).status).toBe(404);
  });
});

it('has entities that describe the tables of the migration', async () =>
  expect(await entityDifferences(gateway.database)).toEqual([]));

describe('the members of a group', () => {
  let owner: TestTenant;
  beforeAll(async () => {
    owner = await gateway.createTenant();
  });
  const group = async (members: readonly string[]) =>
    (
      await owner.send('POST', '/Groups', {
        displayName: `G ${randomUUID()}`,
        members: members.map((value) => ({ value })),
      })
    ).body.id;

  it('come in pages in the order of their ids, with the version of the last event', async () => {
    const ids: string[] = [];
    for (const n of [1, 2, 3, 4, 5])
      ids.push((await owner.send('POST', '/Users', { userName: `m${n}-${randomUUID()}@x` })).body.id);
    ids.sort();
    const id = await group(ids);
    expect(await api.members(owner.id, id)).toEqual({ version: 2, members: ids, next: null });
    const first = await api.members(owner.id, id, { limit: 2 });
    expect(first).toEqual({ version: 2, members: ids.slice(0, 2), next: ids[1] });
    // A member of the next page leaves, and one of the first page too.
    const remove = { op: 'remove', path: 'members', value: [{ value: ids[0] }, { value: ids[3] }] };
    await owner.send('PATCH', `/Groups/${id}`, { Operations: [remove] });
    const second = await api.members(owner.id, id, { limit: 2, after: String(first.next) });
    expect(second).toEqual({ version: 3, members: [ids[2], ids[4]], next: null });
    const own = (await owner.events()).filter((event) => event.subject === id);
    expect(own.at(-1)?.sequence).toBe(3);
  });

  it('are empty for a group without members, and unknown for another tenant and for a group that does not exist', async () => {
    const id = await group([]);
    expect(await api.members(owner.id, id)).toEqual({ version: 1, members: [], next: null });
    for (const [of, what] of [
      [other.id, id],
      [owner.id, randomUUID()],
    ] as const)
      await expect(api.members(of, what)).rejects.toMatchObject({ status: 404, code: 'not_found' });
    for (const query of ['limit=0', 'limit=10001', 'after=x', 'surprise=1'])
      expect((await raw(`/internal/tenants/${owner.id}/groups/${id}/members?${query}`, SERVICE)).status).toBe(400);
    expect((await raw(`/internal/tenants/${owner.id}/groups/${id}/members`)).status).toBe(401);
  });
});
