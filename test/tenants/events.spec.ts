/** Settings events: none is lost and none is out of order, with concurrent writers and with parts that are down. */
import { Client } from 'pg';
import { tenantSettings } from '#events';
import { until } from '../support/waiting.js';
import { BY, HubUnderTest, refusal } from './hub.js';

let hub: HubUnderTest;
beforeAll(async () => (hub = await HubUnderTest.start()));
afterAll(() => hub.stop());

it('loses nothing and leaves no gap in the versions when many people change one tenant at once', async () => {
  await hub.create('busy');
  const people = Array.from({ length: 12 }, (_, i) => `Team ${i}`);
  await Promise.all(people.map((name) => hub.configure('busy', { map: [{ group: { name }, role: 'viewer' }] })));
  const { id, slug, host, settings, version } = await hub.client.tenant('busy');
  const teams = settings.roleMappings.slice(4).map(({ group }) => ('name' in group ? group.name : group.id));
  expect(teams.sort()).toEqual([...people].sort());

  const events = await hub.events(id);
  expect(events.map((e) => e.sequence)).toEqual(Array.from({ length: version }, (_, i) => i + 1));
  expect(events.at(-1)?.data).toEqual({ tenant: { id, slug, host }, ...settings });
});

it('publishes nothing for a refused change and for a repeated one', async () => {
  const { tenant } = await hub.create('quiet');
  await refusal(hub.configure('quiet', { map: [{ group: { name: 'X' }, role: 'nobody' }] }));
  await hub.configure('quiet', { scimEnabled: false });
  await refusal(hub.create('quiet'));
  expect((await hub.events(tenant.id)).map((e) => e.sequence)).toEqual([1, 2]);
});

it('publishes events that follow the contract, keyed by the tenant', async () => {
  const { tenant } = await hub.create('shape', { host: 'shape.example.com', scimEnabled: true });
  const [row] = await hub.query<Record<string, unknown>>(
    `select key, type, source, subject, causation_id, data from bus.event_log where tenant = $1 order by position desc limit 1`,
    [tenant.id],
  );
  expect(row).toMatchObject({
    key: `${tenant.id}:${tenant.id}`,
    type: 'com.stackflow.integration.settings.changed.v1',
    source: '/stackflow/integration-hub',
    causation_id: `cli: ${BY}`,
  });
  expect(tenantSettings.strict().parse(row?.data)).toMatchObject({
    tenant: { id: tenant.id, slug: 'shape', host: 'shape.example.com' },
    scimEnabled: true,
  });
});

describe('while nothing can be published', () => {
  it('stores a change, answers that it is not published, and publishes it when that is possible again', async () => {
    const other = await stallPublishing();
    const impatient = await hub.replica({ PUBLISH_TIMEOUT_MS: '300' });
    try {
      const created = await impatient.client.create({ slug: 'later', by: BY });
      expect(created).toMatchObject({ published: false, tenant: { slug: 'later' } });
      expect(created.scimToken?.secret).toMatch(/^sfs1\./); // it is stored and works; not to answer it would lose it
      const { id } = created.tenant;
      expect(await hub.events(id)).toEqual([]);

      const again = await impatient.client.configure('later', { settings: { scimEnabled: true }, by: BY });
      expect(again).toMatchObject({ changed: ['scimEnabled'], published: false });
      await other.query('select pg_advisory_unlock_all()');
      const unchanged = await hub.configure('later', { scimEnabled: true });
      expect(unchanged).toMatchObject({ changed: [], published: true });
      expect((await hub.events(id)).map((e) => e.sequence)).toEqual([1, 2, 3]);
    } finally {
      await impatient.stop();
      await other.end();
    }
  });

  it('answers without waiting for Kafka when Kafka is not there, and loses nothing', async () => {
    const own = await HubUnderTest.start({
      EVENT_CARRIER: 'kafka',
      KAFKA_BROKERS: '127.0.0.1:9',
      PUBLISH_TIMEOUT_MS: '300',
    });
    try {
      const { tenant, published } = await own.client.create({ slug: 'brokerless', by: BY });
      expect(published).toBe(false);
      expect(await own.events(tenant.id)).toEqual([]);
      await own.service.stop();
      const onPostgres = await own.replica({});
      await onPostgres.client.create({ slug: 'brokerless', by: BY, ifMissing: true });
      expect((await own.events(tenant.id)).map((e) => e.sequence)).toEqual([1, 2]);
      await onPostgres.stop();
    } finally {
      await own.stop();
    }
  });
});

/** A session that leads the publishing and stands still: the hub cannot tell it from a dead broker. */
async function stallPublishing(): Promise<Client> {
  const other = new Client({ connectionString: hub.database.adminUrl });
  await other.connect();
  let leads = false;
  void other
    .query(`select pg_advisory_lock(hashtextextended('sequencer:hub', 2))`)
    .then(() => (leads = true))
    .catch(() => undefined);
  await until('the other session leads', async () => {
    await hub.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where usename = 'integration_hub' and datname = current_database() and application_name like '%sequencer%'`,
    );
    return leads;
  });
  return other;
}
