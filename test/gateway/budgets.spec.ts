/** Budgets of one tenant: what goes beyond is answered 429, counted, and does not touch other tenants. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Socket } from 'node:net';
import type { ScimRequestEntity } from '../../apps/scim-gateway/src/activity/scim-request.entity.js';
import { RequestLog } from '../../apps/scim-gateway/src/activity/request-log.js';
import { BASE, patchOp, startGateway, type Reply, type TestGateway, type TestTenant } from '../support/gateway.js';
import { until } from '../support/waiting.js';

let gateway: TestGateway;
let tenant: TestTenant;
let other: TestTenant;
afterEach(() => gateway.close());

async function start(limits: Record<string, string>): Promise<void> {
  gateway = await startGateway(limits);
  tenant = await gateway.createTenant();
  other = await gateway.createTenant();
}

function expectThrottled(reply: Reply, budget: string, figure: string): void {
  expect([reply.status, reply.body.status]).toEqual([429, '429']);
  expect(reply.headers['content-type']).toContain('application/scim+json');
  const seconds = String(reply.headers['retry-after']);
  expect(seconds).toMatch(/^[1-9]\d*$/);
  expect(reply.body.detail).toContain(`"${budget}": ${figure}`);
  expect(reply.body.detail).toContain(`in ${seconds} s`);
}

async function rows(): Promise<ScimRequestEntity[]> {
  await gateway.app.get(RequestLog).flush();
  return gateway.sql<ScimRequestEntity>('select * from directory.scim_request where tenant_id = $1 order by at', [
    tenant.id,
  ]);
}

const throttled = async (budget: string): Promise<number> => {
  const text = await gateway.metrics.registry.getSingleMetricAsString('scim_throttled_total');
  const line = text.split('\n').find((l) => l.includes(tenant.id) && l.includes(`budget="${budget}"`));
  return Number(line?.split(' ').at(-1) ?? 0);
};

const users = (count: number): Promise<string[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, i) => (await tenant.send('POST', '/Users', { userName: `u${i}` })).body.id),
  );

it('stores one row per minute for all refused requests of one kind, with their number', async () => {
  await start({ SCIM_RATE_LIMIT_PER_SECOND: '1', SCIM_RATE_LIMIT_BURST: '100' });
  const replies = await Promise.all(Array.from({ length: 400 }, () => tenant.send('GET', '/Users?count=1')));
  const refused = replies.filter((reply) => reply.status === 429);
  expect(refused.length).toBeGreaterThan(200);
  for (const reply of refused) expectThrottled(reply, 'requests', '1 requests per second');
  const stored = (await rows()).filter(({ status }) => status === 429);
  expect(stored.length).toBeLessThanOrEqual(2); // the test may cross a minute
  expect(stored.reduce((sum, { repeats }) => sum + repeats, 0)).toBe(refused.length);
  expect(stored[0]?.detail).toContain('"requests"');
  expect(await throttled('requests')).toBe(refused.length);
  expect((await other.send('GET', '/Users')).status).toBe(200);
});

it('counts bytes of bodies, also if their length is not announced, and allows one body beyond the budget', async () => {
  await start({ SCIM_BODY_MIB_PER_MINUTE: '1' });
  const junk = Array<string>(6).fill('y'.repeat(512 * 1024));
  const large = (n: number) => ({ displayName: `large${n}`, junk });
  expect((await tenant.send('POST', '/Groups', large(1))).status).toBe(201);
  expectThrottled(await tenant.send('POST', '/Users', { userName: 'small' }), 'body_bytes', '1 MiB per minute');
  expect((await tenant.send('GET', '/Users')).status).toBe(200); // it has no body
  expect((await other.send('POST', '/Users', { userName: 'small' })).status).toBe(201);

  const chunked = (tenantToken: string, body: string) =>
    fetch(`http://127.0.0.1:${gateway.port}${BASE}/Groups`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tenantToken}`, 'content-type': 'application/scim+json' },
      body: new Blob([body]).stream(),
      duplex: 'half',
    });
  const third = await gateway.createTenant();
  expect((await chunked(third.token, JSON.stringify(large(2)))).status).toBe(201);
  const reply = await third.send('POST', '/Users', { userName: 'small' });
  expectThrottled(reply, 'body_bytes', '1 MiB per minute');
});

it('counts changes of memberships by what really changes, and allows one change beyond the budget', async () => {
  await start({ SCIM_MEMBERSHIP_CHANGES_PER_MINUTE: '60' });
  const members = (await users(100)).map((value) => ({ value }));
  const { id } = (await tenant.send('POST', '/Groups', { displayName: 'G', members: members.slice(0, 40) })).body;
  // Okta repeats whole lists. Nothing changes here.
  for (let i = 0; i < 5; i++)
    expect(
      (await tenant.send('PUT', `/Groups/${id}`, { displayName: 'G', members: members.slice(0, 40) })).status,
    ).toBe(200);
  expect((await tenant.send('PUT', `/Groups/${id}`, { displayName: 'G', members })).status).toBe(200);
  for (const [method, path, body] of [
    ['PATCH', `/Groups/${id}`, patchOp({ op: 'remove', path: `members[value eq "${members[0]?.value}"]` })],
    ['PUT', `/Groups/${id}`, { displayName: 'G', members: [] }],
    ['POST', '/Groups', { displayName: 'H', members }],
    ['DELETE', `/Groups/${id}`],
  ] as const)
    expectThrottled(
      await tenant.send(method, path, body),
      'membership_changes',
      '60 changes of memberships per minute',
    );
  // Other requests continue, above all the deactivation of a person.
  const off = patchOp({ op: 'replace', value: { active: false } });
  expect((await tenant.send('PATCH', `/Users/${members[0]?.value}`, off)).body.active).toBe(false);
  const rename = patchOp({ op: 'replace', value: { displayName: 'G2' } });
  expect((await tenant.send('PATCH', `/Groups/${id}`, rename)).status).toBe(204);
  expect((await tenant.send('GET', `/Groups/${id}`)).body.members).toHaveLength(100);
  expect(await throttled('membership_changes')).toBe(4);
});

describe('open requests', () => {
  const halfSent = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect(gateway.port, '127.0.0.1', () => {
        const headers = `Host: x\r\nAuthorization: Bearer ${tenant.token}\r\nContent-Type: application/json\r\nContent-Length: 100`;
        socket.write(`POST ${BASE}/Users HTTP/1.1\r\n${headers}\r\n\r\n{"user`, () => resolve(socket));
      });
      socket.on('error', () => undefined);
    });

  it('are limited for each tenant, also while their bodies arrive, and count no more once they end', async () => {
    await start({ SCIM_OPEN_REQUESTS_PER_TENANT: '5' });
    const sockets = await Promise.all(Array.from({ length: 5 }, halfSent));
    const reply = await until('a refusal', async () => {
      const answer = await tenant.send('GET', '/Users');
      return answer.status === 429 && answer;
    });
    expectThrottled(reply, 'open_requests', '5 requests at the same time');
    expect((await other.send('GET', '/Users')).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await until('a free slot', async () => (await tenant.send('GET', '/Users')).status === 200);
    for (let i = 0; i < 20; i++) expect((await tenant.send('GET', '/Users')).status).toBe(200);
  });

  it('of one tenant do not use up the connections to the database that others need', async () => {
    await start({});
    const { id } = (await tenant.send('POST', '/Groups', { displayName: 'G' })).body;
    await gateway.sql('begin');
    await gateway.sql('select 1 from directory.groups where id = $1 for update', [id]);
    const done: number[] = [];
    const waiting = Array.from({ length: 30 }, async (_, i) => {
      const body = patchOp({ op: 'replace', value: { displayName: `G${i}` } });
      done.push((await tenant.send('PATCH', `/Groups/${id}`, body)).status);
    });
    const locks = 'select 1 from pg_stat_activity where wait_event_type = $1 and datname = current_database()';
    await until('waiting transactions', async () => {
      await gateway.sql('select pg_stat_clear_snapshot()');
      return (await gateway.sql(locks, ['Lock'])).length === 4;
    });
    const others = Array.from({ length: 20 }, (_, i) => other.send('POST', '/Users', { userName: `o${i}` }));
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual(Array(20).fill(201));
    expect(done).toEqual([]);
    await gateway.sql('select pg_stat_clear_snapshot()');
    expect(await gateway.sql(locks, ['Lock'])).toHaveLength(4);
    await gateway.sql('commit');
    await Promise.all(waiting);
    expect(done).toEqual(Array(30).fill(204));
  });

  it('that wait for their turn are dropped if their client has left', async () => {
    await start({});
    const { id } = (await tenant.send('POST', '/Groups', { displayName: 'G' })).body;
    await gateway.sql('begin');
    await gateway.sql('select 1 from directory.groups where id = $1 for update', [id]);
    const rename = (name: string) => patchOp({ op: 'replace', value: { displayName: name } });
    const first = Array.from({ length: 4 }, (_, i) => tenant.send('PATCH', `/Groups/${id}`, rename(`first${i}`)));
    await until('four waiting transactions', async () => {
      await gateway.sql('select pg_stat_clear_snapshot()');
      const sql = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
      return (await gateway.sql(sql)).length === 4;
    });
    const leaver = new AbortController();
    const body = JSON.stringify({ userName: 'nobody waits for this person' });
    const left = fetch(`http://127.0.0.1:${gateway.port}${BASE}/Groups`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tenant.token}`, 'content-type': 'application/scim+json' },
      body,
      signal: leaver.signal,
    }).catch(() => 'left');
    await sleep(300);
    leaver.abort();
    expect(await left).toBe('left');
    await sleep(100);
    await gateway.sql('commit');
    await Promise.all(first);
    expect((await tenant.send('GET', '/Users')).body.totalResults).toBe(0);
  });
});

it('a tenant whose SCIM is switched off leaves one row per minute, however often its client asks', async () => {
  await start({});
  tenant = await gateway.createTenant({ scimEnabled: false });
  const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => tenant.send('GET', `/Users/${i}`)));
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([403]));
  const stored = await rows();
  expect(stored.length).toBeLessThanOrEqual(2);
  expect(stored.reduce((sum, { repeats }) => sum + repeats, 0)).toBe(50);
});
