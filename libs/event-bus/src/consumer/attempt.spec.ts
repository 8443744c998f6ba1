import { randomUUID } from 'node:crypto';
import type { EventEnvelope } from '#events';
import { Database, RolledBack, sqlState } from '#platform';
import type { MessageHandler } from '@nestjs/microservices';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { attemptEvent, DatabaseLost } from './attempt.js';
import { EventContext, PoisonEvent } from './context.js';
import { Handlers } from './handlers.js';

const TOPIC = 'directory.groups';
const event = {
  id: randomUUID(),
  type: 'com.stackflow.directory.group.created.v1',
  traceparent: null,
} as EventEnvelope;

describe('attemptEvent', () => {
  let testDatabase: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = await Database.connect({ url: testDatabase.adminUrl, schema: 'identity' });
    await database.query('create table note (n int primary key)');
  });
  beforeEach(() => database.query('truncate note'));
  afterAll(async () => {
    await database.close();
    await testDatabase.drop();
  });

  const notes = async () => (await database.query<{ n: number }>('select n from note order by n')).map((r) => r.n);
  const attempt = (handle: (context: EventContext) => unknown, optimistic = false): Promise<Error | undefined> =>
    database.tx(async (tx) => {
      const handlers = new Handlers();
      handlers.add(TOPIC, ((_: unknown, context: EventContext) => handle(context)) as unknown as MessageHandler);
      await tx.query('insert into note values (1)'); // another event's write in the same transaction
      return attemptEvent(tx, handlers, event, new EventContext(tx, event, TOPIC, 0, '1', 'g', 1), optimistic);
    });

  it('keeps what a successful handler wrote', async () => {
    expect(await attempt(({ tx }) => tx.query('insert into note values (2)'))).toBeUndefined();
    expect(await notes()).toEqual([1, 2]);
  });

  it('undoes the writes of a failing handler, and only those, and returns the error of the handler', async () => {
    const error = await attempt(async ({ tx }) => {
      await tx.query('insert into note values (2)');
      throw new PoisonEvent('no such role');
    });
    expect(error).toBeInstanceOf(PoisonEvent);
    expect(await notes()).toEqual([1]);
  });

  it('in an optimistic run leaves a failing handler to the rollback of the whole transaction', async () => {
    const failing = attempt(({ tx }) => tx.query('insert into note values (1)'), true).then((error) => {
      expect(sqlState(error)).toBe('23505');
    });
    await expect(failing).rejects.toThrow(RolledBack);
    expect(await notes()).toEqual([]);
  });

  it('treats a failed statement that the handler ignored as a failure of the handler', async () => {
    const error = await attempt(({ tx }) => tx.query('insert into note values (1)').catch(() => undefined));
    expect(error?.message).toMatch(/transaction is aborted/);
    expect(await notes()).toEqual([1]);
  });

  it("does not mistake a refused connection of the handler's own for an outage of the database", async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(await attempt(() => Promise.reject(refused))).toBe(refused);
  });

  it.each(['53100', '53300', '57P03', '25006'])(
    'treats SQLSTATE %s as an outage, so that nothing is parked',
    async (code) => {
      await expect(
        attempt(() => Promise.reject(Object.assign(new Error('disk full, or the like'), { code }))),
      ).rejects.toThrow(DatabaseLost);
    },
  );

  it('rejects when the transaction itself is lost', async () => {
    const lost = attempt(async ({ tx }) => {
      await tx.query('select pg_terminate_backend(pg_backend_pid())').catch(() => undefined);
    });
    await expect(lost).rejects.toThrow(DatabaseLost);
    expect(await notes()).toEqual([]);
  });
});
