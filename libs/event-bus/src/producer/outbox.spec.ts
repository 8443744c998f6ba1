import { randomUUID } from 'node:crypto';
import { Database, inSpan, startTracing } from '#platform';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { MAX_EVENT_BYTES, Outbox, OUTBOX_PARAMETER_COUNT, type NewEvent } from './outbox.js';
import { producerTablesSql } from '../schema.sql.js';

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
