/** Settings events: none lost, none out of line, whoever writes and whatever is down. */
import { Client } from 'pg';
import { tenantSettings } from '#events';
import { HubUnderTest } from './hub.js';

let hub: HubUnderTest;
beforeAll(async () => (hub = await HubUnderTest.start()));
afterAll(() => hub.stop());

it('many people changing one tenant at once lose nothing, and the versions have no gap', async () => {
  const { tenant } = await hub.json('create busy');
  const people = Array.from({ length: 12 }, (_, i) => `Team ${i}`);
  const runs = await Promise.all(people.map((team) => hub.runArgs(['configure', 'busy', '--map', `${team}=viewer`])));
  expect(runs.map((r) => r.code)).toEqual(people.map(() => 0));
  const { settings, version } = await hub.json('show busy');
  const teams = (settings.roleMappings as { group: { name: string } }[]).slice(4).map((m) => m.group.name);
  expect(teams.sort()).toEqual([...people].sort());

  const events = await hub.events(tenant.id);
  expect(events.map((e) => e.sequence)).toEqual(Array.from({ length: version }, (_, i) => i + 1));
  expect(events.at(-1)?.data).toEqual(settings);
});

it('a refused change and a repeated one publish nothing', async () => {
  const { tenant } = await hub.json('create quiet');
  await hub.run('configure quiet --map X=nobody');
  await hub.run('configure quiet --scim off');
  await hub.run('create quiet');
  expect((await hub.events(tenant.id)).map((e) => e.sequence)).toEqual([1, 2]);
});

it('each event is what the contract says, keyed by the tenant', async () => {
  const { tenant } = await hub.json('create shape --host shape.example.com --enable-scim');
  const [row] = await hub.query<Record<string, unknown>>(
    `select key, type, source, subject, causation_id, data from bus.event_log where tenant = $1 order by position desc limit 1`,
    [tenant.id],
  );
  expect(row).toMatchObject({
    key: `${tenant.id}:${tenant.id}`,
    type: 'com.stackflow.integration.settings.changed.v1',
    source: '/stackflow/integration-hub',
    causation_id: expect.stringMatching(/^cli:./),
  });
  expect(tenantSettings.strict().parse(row?.data)).toMatchObject({ tenant, scimEnabled: true });
});

describe('while nothing can be published', () => {
  // Another process leads the publishing and stands still: what a dead broker looks like from here.
  let other: Client;
  beforeEach(async () => {
    other = new Client({ connectionString: hub.database.adminUrl });
    await other.connect();
    await other.query(`select pg_advisory_lock(hashtextextended('sequencer:hub', 2))`);
  });
  afterEach(() => other.end());

  it('a change is stored, said to be unpublished, and published by the next command', async () => {
    const impatient = { ...hub.env, PUBLISH_TIMEOUT_MS: '300' };
    const created = await hub.run('create later', impatient);
    expect(created.code).toBe(75);
    expect(created.err).toContain('is stored');
    expect(created.out).toMatch(/sfs1\./); // it is stored, so it will work: not showing it would lose it
    const { tenant } = await hub.json('show later');
    expect(await hub.events(tenant.id)).toEqual([]);

    const again = await hub.run('configure later --scim on', impatient);
    expect(again.code).toBe(75);
    await other.query('select pg_advisory_unlock_all()');
    const unchanged = await hub.run('configure later --scim on');
    expect(unchanged).toMatchObject({ code: 0, err: '' });
    expect((await hub.events(tenant.id)).map((e) => e.sequence)).toEqual([1, 2, 3]);
  });

  it('a Kafka that is not there is told in time, and loses nothing', async () => {
    const kafka = { EVENT_CARRIER: 'kafka', KAFKA_BROKERS: '127.0.0.1:9', PUBLISH_TIMEOUT_MS: '300' };
    await other.query('select pg_advisory_unlock_all()');
    const began = performance.now();
    const created = await hub.run('create brokerless', { ...hub.env, ...kafka });
    expect(created.code).toBe(75);
    expect(performance.now() - began).toBeLessThan(15_000);
    const { tenant } = await hub.json('show brokerless');
    expect(await hub.events(tenant.id)).toEqual([]);
    await hub.run('create brokerless --if-missing');
    expect((await hub.events(tenant.id)).map((e) => e.sequence)).toEqual([1, 2]);
  });
});
