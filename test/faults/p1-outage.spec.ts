/** Promise P1 while the database is down, and while one publisher takes over from another. */
import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { eventKey } from '#events';
import { BusRig, groupEvent, newTenant, TEST_LIMIT_MS, until } from '../contract/bus-rig.js';
import { testPostgres } from '../support/services.js';

async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: await testPostgres() });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Refuses new connections to this one database and ends the open ones. */
async function outage(database: string, ms: number): Promise<void> {
  await onServer(`alter database ${database} allow_connections false`);
  await onServer(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`);
  await sleep(ms);
  await onServer(`alter database ${database} allow_connections true`);
}

describe('P1 during an outage of the database', () => {
  let rig: BusRig;
  beforeAll(async () => {
    rig = await BusRig.create({ EVENT_CARRIER: 'postgres' });
  });
  afterAll(() => rig.close());
  afterEach(() => rig.rest());

  it(
    'makes publishers and consumers wait and continue, and parks, loses and repeats nothing',
    async () => {
      const [tenant, subject, group] = [newTenant(), randomUUID(), `g-${randomUUID()}`];
      await rig.consume(group, async (event, { tx }) => {
        await tx.query('insert into effect (key, sequence) values ($1, $2)', [event.key, event.sequence]);
        await sleep(3); // so that the outage hits open transactions
      });
      await rig.sequencer();
      const effects = async () =>
        (
          await rig.admin.query<{ sequence: string }>(
            'select sequence from identity.effect where key = $1 order by id',
            [eventKey(tenant, subject)],
          )
        ).map((r) => Number(r.sequence));
      await rig.publish(Array.from({ length: 300 }, (_, i) => groupEvent(tenant, subject, i + 1)));
      await until(async () => (await effects()).length > 0, 'consuming has begun');
      await outage(new URL(rig.testDatabase.adminUrl).pathname.slice(1), 1_500);
      await until(
        () =>
          effects().then(
            (e) => e.length >= 300 || e.length,
            () => 'no database',
          ),
        'all events handled after the outage',
      );
      await rig.publish([groupEvent(tenant, subject, 301)]);
      await until(async () => (await effects()).length >= 301, 'new events flow');
      expect(await effects()).toEqual(Array.from({ length: 301 }, (_, i) => i + 1));
      expect(await rig.admin.query('select * from identity.parked_event')).toEqual([]);
      await until(
        async () =>
          (
            await rig.admin.query(
              `select 1 from pg_stat_activity where datname = current_database() and application_name = $1 and state = 'idle'`,
              [`${group}:listen`],
            )
          ).length === 1,
        'the listener is back',
      );
    },
    TEST_LIMIT_MS,
  );

  it(
    'has one publisher at a time, and another one takes over within seconds if its session breaks',
    async () => {
      const [tenant, subject] = [newTenant(), randomUUID()];
      await Promise.all([rig.sequencer(), rig.sequencer(), rig.sequencer()]);
      const leaders = () =>
        rig.admin.query<{ pid: number }>(
          `select distinct a.pid from pg_stat_activity a join pg_locks l on l.pid = a.pid and l.locktype = 'advisory' and l.granted
         where a.application_name = 'directory:sequencer' and a.datname = current_database()`,
        );
      const published = async () =>
        (await rig.admin.query('select 1 from bus.event_log where tenant = $1', [tenant])).length;
      await rig.publish([groupEvent(tenant, subject, 1)]);
      await until(async () => (await published()) === 1, 'published by the first leader');
      await sleep(600); // two elections later
      expect(await rig.leaders()).toBe(1);
      const [leader, ...others] = await leaders();
      expect(leader).toBeDefined();
      expect(others).toEqual([]);
      await rig.admin.query('select pg_terminate_backend($1)', [leader?.pid]);
      await rig.publish([groupEvent(tenant, subject, 2)]);
      await until(async () => (await published()) === 2, 'published by the next leader'); // after 0.3 s on an idle machine
      expect(await rig.leaders()).toBe(1);
      const rows = await rig.admin.query<{ sequence: string }>(
        'select sequence from bus.event_log where tenant = $1 order by position',
        [tenant],
      );
      expect(rows.map((r) => Number(r.sequence))).toEqual([1, 2]);
    },
    TEST_LIMIT_MS,
  );

  it(
    'appends to the log one outbox at a time, so that no position becomes visible after a higher one',
    async () => {
      const tenant = newTenant();
      const other = await rig.admin.pool.connect();
      try {
        await other.query(`begin; select pg_advisory_xact_lock(hashtextextended('bus.event_log', 0))`); // the lock that the sequencer of another outbox holds until its commit
        await rig.sequencer();
        await rig.publish([groupEvent(tenant, randomUUID(), 1)]);
        await sleep(800);
        const count = async () =>
          (await rig.admin.query('select 1 from bus.event_log where tenant = $1', [tenant])).length;
        expect(await count()).toBe(0);
        await other.query('commit');
        await until(async () => (await count()) === 1, 'appended once the other has committed');
      } finally {
        other.release(true);
      }
    },
    TEST_LIMIT_MS,
  );
});
