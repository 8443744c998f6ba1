/** The gateway's copy of the settings: it comes over the bus, applies at once, and no older event changes it. */
import { randomUUID } from 'node:crypto';
import { rotateScimToken } from '#secrets';
import { RequestLogRetention } from '../../apps/scim-gateway/src/activity/retention.js';
import { startGateway, type TestGateway, type TestTenant } from '../support/gateway.js';
import { until } from '../support/waiting.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({}, { consume: true });
});
afterAll(() => gateway.close());

/** Appends settings to the log as the hub does. */
async function publish(tenant: TestTenant, sequence: number, change: Record<string, unknown>): Promise<void> {
  const [row] = await gateway.sql<{ settings: Record<string, unknown> }>(
    'select settings from directory.tenant_settings where tenant_id = $1',
    [tenant.id],
  );
  await gateway.sql(
    `insert into bus.event_log (partition, event_id, topic, key, type, source, subject, tenant, sequence, time, causation_id, data)
     values (abs(hashtextextended($1 || ':' || $1, 0) % 12), uuidv7(), 'integration.settings', $1 || ':' || $1,
       'com.stackflow.integration.settings.changed.v1', '/stackflow/integration-hub', $1, $1::uuid, $2, now(), 'test', $3)`,
    [tenant.id, sequence, JSON.stringify({ ...row?.settings, ...change })],
  );
}

const status = async (tenant: TestTenant, authorization?: string) =>
  (await tenant.send('GET', '/Users', undefined, authorization === undefined ? {} : { authorization })).status;

describe('the settings of a tenant', () => {
  it('switch SCIM on when their event arrives, and an older event changes nothing', async () => {
    const tenant = await gateway.createTenant({ scimEnabled: false });
    expect(await status(tenant)).toBe(403);
    await publish(tenant, 5, { scimEnabled: true });
    await until('SCIM is on', async () => (await status(tenant)) === 200);
    await publish(tenant, 3, { scimEnabled: false });
    await publish(tenant, 6, { scimEnabled: true, groupSync: false });
    await until(
      'version 6 of the settings',
      async () =>
        (await gateway.sql('select 1 from directory.tenant_settings where tenant_id = $1 and version = 6', [tenant.id]))
          .length === 1,
    );
    expect(await status(tenant)).toBe(200);
  });

  it('announce a rotated token: the new one then works at once, and the revoked one is refused', async () => {
    const tenant = await gateway.createTenant();
    expect(await status(tenant)).toBe(200);
    const rotated = await rotateScimToken(gateway.store, tenant.id, 0);
    expect(await status(tenant)).toBe(200); // the token is still in the cache
    await publish(tenant, 2, { scimToken: { issuedAt: rotated.issuedAt.toISOString(), previousValidUntil: null } });
    await until('the old token is refused', async () => (await status(tenant)) === 401);
    expect(await status(tenant, `Bearer ${rotated.token}`)).toBe(200);
  });
});

describe('the log of requests', () => {
  it('has the request and its answer, without the token, and only of known tenants', async () => {
    const tenant = await gateway.createTenant();
    await tenant.send('GET', '/Users', undefined, { authorization: 'Bearer wrong' });
    // The request does not wait for its row: it is answered although the row cannot be written.
    await gateway.sql('alter table directory.scim_request rename to scim_request_away');
    const bad = await tenant.send(
      'POST',
      '/Users',
      { active: true },
      { headers: { 'user-agent': 'Okta SCIM Client 1.0.0' } },
    );
    await gateway.sql('alter table directory.scim_request_away rename to scim_request');
    await until(
      'the row in the log',
      async () =>
        (await gateway.sql('select 1 from directory.scim_request where id = $1', [bad.headers['x-request-id']]))
          .length === 1,
    );
    const rows = await gateway.sql<Record<string, unknown>>(
      'select * from directory.scim_request where tenant_id = $1 order by at',
      [tenant.id],
    );
    expect(rows.length).toBe(1);
    expect(rows[0]).toMatchObject({
      method: 'POST',
      url: '/prod/api/scim/v2/Users',
      status: 400,
      scim_type: 'invalidValue',
      delivered: true,
      user_agent: 'Okta SCIM Client 1.0.0',
      resource_type: 'Users',
    });
    expect(rows[0]?.detail).toContain('userName');
    expect(JSON.stringify(rows)).not.toContain(tenant.token);
  });

  it('loses rows after the configured number of days', async () => {
    const tenant = randomUUID();
    for (const days of [29, 31]) {
      await gateway.sql(
        `insert into directory.scim_request (id, tenant_id, at, method, url, status, duration_ms, delivered) values (gen_random_uuid(), $1, now() - make_interval(days => $2), 'GET', '/', 200, 1, true)`,
        [tenant, days],
      );
    }
    await gateway.app.get(RequestLogRetention).trim();
    expect((await gateway.sql('select 1 from directory.scim_request where tenant_id = $1', [tenant])).length).toBe(1);
  });
});
