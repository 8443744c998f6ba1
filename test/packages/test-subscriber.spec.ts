/** The test helper that teams outside use, on the sources. */
import { randomUUID } from 'node:crypto';
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { PoisonEvent, type EventContext, type SubscriberDefinition } from '@stackflow/identity-events';
import { startSubscriber, type TestSubscriber } from '@stackflow/identity-events/testing';
import { startOldPostgres } from '../support/old-postgres.js';
import { testPostgres } from '../support/services.js';

const CREATED = 'com.stackflow.directory.group.created.v1';
const RENAMED = 'com.stackflow.directory.group.renamed.v1';
const DELETED = 'com.stackflow.directory.group.deleted.v1';

/** The key whose events fail, and the error. */
const fault: { subject?: string; error?: Error } = {};
const seen: string[] = [];

@Controller()
class GroupsConsumer {
  @EventPattern('directory.groups')
  async changed(@Ctx() { event, tx }: EventContext): Promise<void> {
    if (event.subject === fault.subject && fault.error) throw fault.error;
    seen.push(`${event.type.split('.').at(-2)} ${event.sequence}`);
    await tx.query('select 1');
  }
}

const definition: SubscriberDefinition = {
  name: 'groups',
  summary: 'Lists changes of groups.',
  schema: 'groups',
  controllers: [GroupsConsumer],
  retryAfterMs: 600_000, // nothing is retried unless the test asks for it
};

let databaseUrl: string;
let subscriber: TestSubscriber;
beforeAll(async () => void (databaseUrl = await testPostgres()));
beforeEach(async () => {
  subscriber = await startSubscriber(definition, { databaseUrl });
  seen.length = 0;
  delete fault.subject;
});
afterEach(() => subscriber.close());

it('completes events: the next sequence of each key, and sample data that names the subject', async () => {
  const subject = randomUUID();
  const [first, other, second] = await subscriber.play(
    { type: CREATED, subject },
    { type: CREATED },
    { type: DELETED, subject },
  );
  expect([first, other, second].map((event) => event?.sequence)).toEqual([1, 1, 2]);
  expect(second).toMatchObject({ subject, key: `${second?.tenant}:${subject}`, data: { group: { id: subject } } });
  expect([...seen].sort()).toEqual(['created 1', 'created 1', 'deleted 2']);
});

it('delivers repeated and outdated events as the carrier does: the subscriber skips them', async () => {
  const [created] = await subscriber.play({ type: CREATED }, { type: RENAMED });
  if (!created) throw new Error('nothing was played');
  await subscriber.play(created, { ...created, id: randomUUID() });
  expect(seen).toEqual(['created 1', 'renamed 2']);
});

it('parks a failing key, continues with other keys, and retries when the test asks for it', async () => {
  const subject = randomUUID();
  Object.assign(fault, { subject, error: new Error('the printer is on fire') });
  await subscriber.play({ type: CREATED, subject }, { type: RENAMED, subject }, { type: CREATED });
  expect(seen).toEqual(['created 1']);
  expect(await subscriber.parked()).toMatchObject([
    { sequence: 1, type: CREATED, state: 'waiting', attempts: 3, error: expect.stringContaining('printer') },
    { sequence: 2, type: RENAMED, state: 'waiting', attempts: 0, error: null },
  ]);
  expect(await subscriber.retryParked()).toMatchObject([{ sequence: 1, attempts: 1 }, { sequence: 2 }]);
  delete fault.subject;
  expect(await subscriber.retryParked()).toEqual([]);
  expect(seen).toEqual(['created 1', 'created 1', 'renamed 2']);
});

it('shows an event that can never be handled as dead, and serves the HTTP side', async () => {
  const subject = randomUUID();
  Object.assign(fault, { subject, error: new PoisonEvent('no such group') });
  await subscriber.play({ type: CREATED, subject });
  expect(await subscriber.parked()).toMatchObject([
    { state: 'dead', attempts: 1, error: 'PoisonEvent: no such group' },
  ]);
  expect(await subscriber.retryParked()).toMatchObject([{ state: 'dead', attempts: 1 }]);
  expect((await subscriber.app.inject({ url: '/health/ready' })).statusCode).toBe(200);
});

it('drops its database when it closes', async () => {
  const [row] = await subscriber.database.query<{ name: string }>('select current_database() as name');
  const other = await startSubscriber(definition, { databaseUrl });
  await subscriber.close();
  const left = await other.database.query('select 1 from pg_database where datname = $1', [row?.name]);
  expect(left).toEqual([]);
  subscriber = other;
});

it('says why the subscriber does not finish: its last error', async () => {
  await subscriber.close();
  subscriber = await startSubscriber(definition, { databaseUrl, timeoutMs: 1_000 });
  await subscriber.database.query('drop table inbox');
  await expect(subscriber.play({ type: CREATED })).rejects.toThrow(
    'the subscriber did not consume the events within 1000 ms; its last error: relation "groups.inbox" does not exist',
  );
});

it('refuses a server that is older than PostgreSQL 18', async () => {
  const old = await startOldPostgres(databaseUrl);
  await expect(startSubscriber(definition, { databaseUrl: old.url })).rejects.toThrow(
    'PostgreSQL 18 or newer is needed; this server is 15.4',
  );
  await old.close();
});
