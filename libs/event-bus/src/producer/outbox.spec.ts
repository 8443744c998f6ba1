import { randomUUID } from 'node:crypto';
import { Database, inSpan, startTracing } from '#platform';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { MAX_EVENT_BYTES, Outbox, OUTBOX_PARAMETER_COUNT, type NewEvent } from './outbox.js';
import { producerTablesSql } from '../schema.sql.js';
import { batchSql } from './publisher.js';

const tenant = randomUUID();
const event = (sequence: number, displayName = 'x'): NewEvent => {
  const id = randomUUID();
  return {
    type: 'com.stackflow.directory.group.created.v1',
    tenant,
    subject: id,
    sequence,
    causationId: 'request-1',
    data: { group: { id, displayName, externalId: null, version: 1 } },
  };
};

describe('Outbox', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  const outbox = new Outbox('directory', 'scim-gateway');
  const stored = () =>
    database.query<{ sequence: string; traceparent: string | null; topic: string; key: string }>(
      'select * from outbox order by id',
    );

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = await Database.connect({ url: testDatabase.adminUrl, schema: 'directory' });
    await database.query(producerTablesSql('directory'));
    await database.query(producerTablesSql('directory')); // may run again
  });
  beforeEach(() => database.query('truncate outbox'));
  afterAll(async () => {
    await database.close();
    await testDatabase.drop();
  });

  it('stores events in the given order, and only if the transaction commits', async () => {
    const events = [event(3), event(1), event(2)];
    await expect(
      database.tx(async (tx) => {
        await outbox.add(tx, events);
        throw new Error('changed my mind');
      }),
    ).rejects.toThrow('changed my mind');
    expect(await stored()).toEqual([]);
    await database.tx((tx) => outbox.add(tx, events));
    expect((await stored()).map((row) => row.sequence)).toEqual(['3', '1', '2']);
    expect((await stored())[0]).toMatchObject({
      topic: 'directory.groups',
      key: `${tenant}:${events[0]?.subject}`,
      traceparent: null,
    });
  });

  describe('the next batch', () => {
    const [loud, calm, late] = [randomUUID(), randomUUID(), randomUUID()];
    const of = (who: string, subject = randomUUID(), sequence = 1): NewEvent => ({
      ...event(sequence),
      tenant: who,
      subject,
    });
    const role = (who: string, subject: string, sequence: number, urgent = false): NewEvent => ({
      type: 'com.stackflow.identity.access.changed.v1',
      tenant: who,
      subject,
      sequence,
      causationId: 'request-1',
      data: { account: subject, status: urgent ? 'inactive' : 'active', roles: [], notBefore: null },
      urgent,
    });
    const store = (events: readonly NewEvent[]) => database.tx((tx) => outbox.add(tx, events));
    const batch = async (): Promise<{ tenant: string; key: string; topic: string; sequence: number }[]> =>
      database.query(
        `with chosen as (select at, row_number() over () as n from (${batchSql('directory')}) b)
         select o.tenant, o.key, o.topic, o.sequence::int from chosen c join outbox o on o.ctid = c.at order by c.n`,
      );

    it('takes tenants in turn, in the order of each, although one of them has stored a thousand events before', async () => {
      const flood = Array.from({ length: 1_000 }, () => of(loud));
      await store(flood);
      const [x, y] = [randomUUID(), randomUUID()];
      await store([of(calm, x, 1), of(calm, y, 1), of(calm, x, 2), of(late)]);
      const rows = await batch();
      expect(rows.slice(0, 6).map((row) => row.tenant)).toEqual([loud, calm, late, loud, calm, loud]);
      expect(rows.filter((row) => row.tenant === calm).map(({ key, sequence }) => [key, sequence])).toEqual([
        [`${calm}:${x}`, 1],
        [`${calm}:${y}`, 1],
        [`${calm}:${x}`, 2],
      ]);
      const ofLoud = rows.filter((row) => row.tenant === loud).map((row) => row.key);
      expect(ofLoud).toEqual(flood.slice(0, 496).map(({ subject }) => `${loud}:${subject}`));
    });

    it('serves every one of a thousand waiting tenants, the oldest event first', async () => {
      const tenants = Array.from({ length: 1_000 }, () => randomUUID());
      await store(tenants.map((one) => of(one)));
      expect((await batch()).map((row) => row.tenant)).toEqual(tenants.slice(0, 500));
    });

    it('takes what closes access before everything else, and earlier events of the same key with it', async () => {
      const [person, other] = [randomUUID(), randomUUID()];
      await store([role(loud, person, 1), role(loud, other, 1), role(loud, person, 2)]);
      await store([role(loud, person, 3, true)]);
      await store([role(loud, person, 4)]);
      const rows = (await batch()).map(({ key, sequence }) => [key.split(':')[1], sequence]);
      expect(rows).toEqual([
        [person, 1],
        [person, 2],
        [person, 3],
        [other, 1],
        [person, 4],
      ]);
    });

    it('takes the topic for access before all others', async () => {
      await store([of(loud), of(calm)]);
      const user = { id: late, userName: 'x', externalId: null, displayName: null, active: false, deleted: false };
      const type = 'com.stackflow.directory.access.changed.v1';
      await store([{ type, tenant: late, subject: late, sequence: 1, causationId: 'request-1', data: { user } }]);
      expect((await batch()).map(({ topic }) => topic)).toEqual([
        'directory.access',
        'directory.groups',
        'directory.groups',
      ]);
    });
  });

  it('refuses anything but an open transaction', async () => {
    await expect(outbox.add(database as never, [event(1)])).rejects.toThrow('needs the open transaction');
    const ended = await database.tx((tx) => Promise.resolve(tx));
    await expect(outbox.add(ended, [event(1)])).rejects.toThrow('has ended');
    // @ts-expect-error a Database is not a transaction, so the compiler refuses it too
    await outbox.add(database, []).catch(() => undefined);
    expect(await stored()).toEqual([]);
  });

  it('refuses events that are too big, have a wrong shape, an unknown type or no version', async () => {
    const add = (e: NewEvent) => database.tx((tx) => outbox.add(tx, [e]));
    await expect(add(event(1, 'x'.repeat(MAX_EVENT_BYTES)))).rejects.toThrow(/the maximum is 1000000/);
    await expect(add(event(1, 'ü'.repeat(MAX_EVENT_BYTES / 2)))).rejects.toThrow(/the maximum is 1000000/); // bytes, not characters
    await expect(add({ ...event(1), data: { group: { id: 7 } } } as never)).rejects.toThrow(/invalid at "group.id"/);
    await expect(add({ ...event(1), type: 'com.stackflow.directory.group.exploded.v1' } as never)).rejects.toThrow(
      /unknown event type/,
    );
    for (const sequence of [0, -1, 1.5, Number.NaN])
      await expect(add(event(sequence))).rejects.toThrow(/positive integer/);
    expect(await stored()).toEqual([]);
  });

  it('stores hostile text unchanged', async () => {
    const name = `'; drop table outbox; -- {"a"} \\ , NULL "quoted" \u2028 😀`;
    await database.tx((tx) => outbox.add(tx, [event(1, name)]));
    const [row] = await database.query<{ name: string }>(`select data->'group'->>'displayName' as name from outbox`);
    expect(row?.name).toBe(name);
  });

  it('becomes part of one statement, which stores events if and only if the guard changed a row', async () => {
    await database.query('create table if not exists thing (id uuid primary key, version int not null default 1)');
    const id = randomUUID();
    const write = (expected: number) =>
      database.query(
        `with changed as (update thing set version = version + 1 where id = $1 and version = $2 returning 1) ${outbox.insertSql(3, 'changed')}`,
        [id, expected, ...outbox.parameters([event(8), event(9)])],
      );
    await database.query('insert into thing (id) values ($1)', [id]);
    await write(7);
    expect(await stored()).toEqual([]);
    await write(1);
    expect((await stored()).map((row) => row.sequence)).toEqual(['8', '9']);
    expect(outbox.parameters([event(1)])).toHaveLength(OUTBOX_PARAMETER_COUNT);
  });

  it('carries the trace of the change', async () => {
    const stop = await startTracing('test', undefined);
    let traceId = '';
    await inSpan('change', {}, async (span) => {
      traceId = span.spanContext().traceId;
      await database.tx((tx) => outbox.add(tx, [event(1)]));
    });
    await stop();
    expect((await stored())[0]?.traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-0[01]$`));
  });

  it('calls its listeners after the commit and not before', async () => {
    const calls: string[] = [];
    const own = new Outbox('directory', 'scim-gateway');
    own.onStored(() => calls.push('stored'));
    await database.tx(async (tx) => {
      await own.add(tx, [event(1)]);
      calls.push('in transaction');
    });
    await database
      .tx(async (tx) => {
        await own.add(tx, [event(2)]);
        throw new Error('no');
      })
      .catch(() => undefined);
    expect(calls).toEqual(['in transaction', 'stored']);
  });
});
