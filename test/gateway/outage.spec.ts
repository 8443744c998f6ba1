/** Outages: without the database or Secrets Manager the answer is 503 with an integer Retry-After, until it is back. */
import { generateScimToken } from '#secrets';
import { startGateway, type Reply, type TestGateway, type TestTenant } from '../support/gateway.js';
import { until } from '../support/waiting.js';

let gateway: TestGateway;
let tenant: TestTenant;
beforeAll(async () => {
  const limits = { SCIM_RATE_LIMIT_PER_SECOND: '1', SCIM_RATE_LIMIT_BURST: '400' };
  gateway = await startGateway(limits, { poolSize: 4 });
});
beforeEach(async () => {
  tenant = await gateway.createTenant();
});
afterAll(() => gateway.close());

function expectUnavailable(reply: Reply): void {
  expect([reply.status, reply.body.status]).toEqual([503, '503']);
  expect(reply.headers['content-type']).toContain('application/scim+json');
  expect(reply.headers['retry-after']).toMatch(/^[1-9]\d*$/);
}

describe('an outage of Secrets Manager', () => {
  it('is answered 503 for a token that cannot be checked, and never 401', async () => {
    gateway.secrets.mode = 'error';
    try {
      expectUnavailable(await tenant.send('GET', '/Users'));
      expect((await tenant.send('GET', '/Users', undefined, { authorization: 'nonsense' })).status).toBe(401);
    } finally {
      gateway.secrets.mode = 'ok';
    }
    await until('the token is accepted', async () => (await tenant.send('GET', '/Users')).status === 200);
  });

  it('does not affect tokens in the cache, and lets no other token in', async () => {
    expect((await tenant.send('GET', '/Users')).status).toBe(200);
    gateway.secrets.mode = 'error';
    try {
      expect((await tenant.send('POST', '/Users', { userName: 'a' })).status).toBe(201);
      expect(
        (await tenant.send('GET', '/Users', undefined, { authorization: `Bearer ${generateScimToken(tenant.id)}` }))
          .status,
      ).not.toBe(200);
    } finally {
      gateway.secrets.mode = 'ok';
    }
  });
});

describe('an outage of the database', () => {
  it('is answered 503, leaves nothing half-written, and ends without a restart', async () => {
    const [{ name } = { name: '' }] = await gateway.sql<{ name: string }>('select current_database() as name');
    expect((await tenant.send('POST', '/Users', { userName: 'before' })).status).toBe(201);
    // Only a superuser can open new sessions in this database. Open sessions end, also in the middle of requests.
    await gateway.sql(`alter database ${name} connection limit 0`);
    let away: Reply[];
    try {
      const flood = Array.from({ length: 20 }, (_, i) => tenant.send('POST', '/Users', { userName: `during-${i}` }));
      await gateway.sql(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      );
      const first = await Promise.all(flood);
      for (const reply of first) if (reply.status !== 201) expectUnavailable(reply);
      away = await Promise.all(
        Array.from({ length: 5 }, (_, i) => tenant.send('POST', '/Users', { userName: `away-${i}` })),
      );
    } finally {
      await gateway.sql(`alter database ${name} connection limit -1`);
    }
    for (const reply of away) expectUnavailable(reply);
    await until(
      'a user can be created',
      async () => (await tenant.send('POST', '/Users', { userName: 'after' })).status !== 503,
    );
    const stored = await gateway.sql<{ id: string }>('select id from directory.users where tenant_id = $1', [
      tenant.id,
    ]);
    await until('an event of each user', async () => (await tenant.events()).length === stored.length);
    expect((await tenant.events()).map((e) => e.subject).sort()).toEqual(stored.map((r) => r.id).sort());
    expect(stored.length).toBeGreaterThanOrEqual(2);
  });
});

describe('the rate limit', () => {
  it('answers 429 with an integer Retry-After to a tenant that sends too much, and to no other tenant', async () => {
    const other = await gateway.createTenant();
    const replies = await Promise.all(Array.from({ length: 420 }, () => tenant.send('GET', '/ServiceProviderConfig')));
    const refused = replies.filter((reply) => reply.status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(15);
    expect(replies.length - refused.length).toBeGreaterThanOrEqual(400);
    expect(refused[0]?.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(refused[0]?.body).toMatchObject({ status: '429' });
    expect((await other.send('GET', '/Users')).status).toBe(200);
  });
});

describe('the last use of a token', () => {
  it('is stored, without delaying the request', async () => {
    await tenant.send('GET', '/Users');
    await until(
      'the time of the last use',
      async () =>
        (
          await gateway.sql(
            "select 1 from directory.scim_token_use where tenant_id = $1 and last_used_at > now() - interval '1 minute'",
            [tenant.id],
          )
        ).length === 1,
    );
  });
});
