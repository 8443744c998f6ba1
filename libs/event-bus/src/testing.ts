/**
 * Runs a subscriber in a test, on a database of its own, and plays events to it. The events go through the Postgres
 * carrier, so deduplication, order and parking are those of production.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventKey, sampleEvent, topicOf, type EventEnvelope, type EventType } from '#events';
import {
  connectConsumer,
  createApplication,
  createLogger,
  Database,
  Health,
  loadConfig,
  Metrics,
  type ConfigOf,
  type ConfigShape,
  type Logger,
  type PlatformContext,
} from '#platform';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Client } from 'pg';
import { destination, multistream, type Level } from 'pino';
import { retryMatching } from './admin/inspect.sql.js';
import { CHANNEL, lagByTopic } from './carriers/postgres/log.sql.js';
import { deferredByTopic } from './consumer/deferred.sql.js';
import { heads } from './consumer/parking.sql.js';
import { PARTITIONS } from './record.js';
import { eventLogSql, identifier } from './schema.sql.js';
import { subscriberService, type SubscriberDefinition, type subscriberSettings } from './subscriber.js';

/**
 * An event to play. Only `type` is required. Everything else comes from a sample: the data of one person, a new id, and
 * the next `sequence` of the key. `data` replaces the sample data completely.
 */
export type PlayedEvent = {
  readonly [T in EventType]: { readonly type: T } & Partial<Omit<EventEnvelope<T>, 'type' | 'key'>>;
}[EventType];

export interface ParkedTestEvent {
  readonly key: string;
  readonly sequence: number;
  readonly type: EventType | null;
  /** `waiting` events are retried. `dead` events wait for an administrator. */
  readonly state: 'waiting' | 'dead';
  readonly attempts: number;
  /** The message of the last error. Null for an event that waits behind a failed one. */
  readonly error: string | null;
}

export interface StartOptions {
  /** URL of a Postgres server for tests, with a role that may create databases. */
  readonly databaseUrl: string;
  /** Environment variables of the subscriber. `DATABASE_URL` is set already. */
  readonly environment?: Readonly<Record<string, string>>;
  /**
   * How long {@link TestSubscriber.play} waits for the subscriber, in milliseconds; 30,000 by default. Choose less than
   * the time-out of your test runner, so that the test shows the last error of the subscriber.
   */
  readonly timeoutMs?: number;
}

export interface TestSubscriber {
  /** The Nest application. It listens on no port: call it with `app.inject({ url: '/health/ready' })`. */
  readonly app: NestFastifyApplication;
  /** The database of the subscriber, to read what its handlers wrote. */
  readonly database: Database;
  /**
   * Publishes the events in this order, and waits until the subscriber has handled, ignored or parked each of them.
   * Returns the complete events. To repeat a delivery, play a returned event again. Rejects with the last error that the
   * subscriber logged if the subscriber does not finish in time.
   */
  play(...events: readonly (PlayedEvent | EventEnvelope)[]): Promise<EventEnvelope[]>;
  /** Returns the parked events, those of one key in order. */
  parked(): Promise<ParkedTestEvent[]>;
  /** Retries every parked key now, also dead ones. Returns the events that are still parked afterwards. */
  retryParked(): Promise<ParkedTestEvent[]>;
  /** Stops the subscriber and drops its database. */
  close(): Promise<void>;
}

const POLL_MS = 10;

/** Starts a subscriber. Its migrations run, and its handlers consume what {@link TestSubscriber.play} publishes. */
export async function startSubscriber<S extends ConfigShape>(
  definition: SubscriberDefinition<S>,
  { databaseUrl, environment = {}, timeoutMs = 30_000 }: StartOptions,
): Promise<TestSubscriber> {
  const name = `subscriber_${randomBytes(8).toString('hex')}`;
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  await run(databaseUrl, [`create database ${name}`]);
  const drop = (): Promise<void> => run(databaseUrl, [`drop database if exists ${name} with (force)`]);
  try {
    await run(url.href, [...eventLogSql({}), `create schema ${identifier(definition.schema)}`]);
    const errors = new LastError();
    const { app, database } = await start(definition, errors, {
      LOG_LEVEL: 'silent',
      ...environment,
      EVENT_CARRIER: 'postgres',
      DATABASE_URL: url.href,
    });
    const wait = waiter(timeoutMs, errors);
    const log = new PlayedLog(database, definition.schema, definition.group ?? definition.name, wait);
    return {
      app,
      database,
      play: (...events) => log.play(events),
      parked: () => log.parked(),
      retryParked: () => log.retryParked(),
      close: async () => {
        await app.close();
        await database.close();
        await drop();
      },
    };
  } catch (error) {
    await drop();
    throw error;
  }
}

async function start<S extends ConfigShape>(
  definition: SubscriberDefinition<S>,
  errors: LastError,
  environment: Readonly<Record<string, string>>,
): Promise<{ app: NestFastifyApplication; database: Database }> {
  const service = subscriberService(definition);
  const config = loadConfig(service.name, service.config, environment);
  const { DATABASE_URL: url, LOG_LEVEL } = config as unknown as ConfigOf<typeof subscriberSettings>;
  const logger = errors.logger(service.name, LOG_LEVEL);
  const database = await Database.connect({ ...service.database, url });
  await database.migrate();
  const metrics = new Metrics(service.name, { process: false });
  const platform: PlatformContext<typeof config> = {
    service: service.name,
    config,
    database,
    logger,
    metrics,
    health: new Health(),
  };
  const app = await createApplication(service, platform);
  for (const strategy of service.strategies?.(platform) ?? []) connectConsumer(app, strategy);
  await app.startAllMicroservices();
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return { app, database };
}

/** Keeps the last error that the subscriber logged, even if the test shows no log lines. */
class LastError {
  text: string | undefined;

  logger(service: string, level: Level | 'silent'): Logger {
    const streams = [{ level: 'warn' as const, stream: this }];
    if (level === 'silent') return createLogger(service, 'warn', multistream(streams));
    const lowest = level === 'error' ? 'warn' : level;
    return createLogger(service, lowest, multistream([...streams, { level, stream: destination(1) }]));
  }

  write(line: string): void {
    const { err } = JSON.parse(line) as { err?: { message?: string } };
    this.text = err?.message ?? this.text;
  }
}

type Wait = (what: string, condition: () => Promise<boolean>) => Promise<void>;

const waiter =
  (timeoutMs: number, errors: LastError): Wait =>
  async (what, condition) => {
    for (const deadline = Date.now() + timeoutMs; !(await condition()); await sleep(POLL_MS))
      if (Date.now() > deadline) {
        const reason = errors.text === undefined ? 'it logged no error' : `its last error: ${errors.text}`;
        throw new Error(`${what} within ${timeoutMs} ms; ${reason}`);
      }
  };

class PlayedLog {
  private readonly sequences = new Map<string, number>();

  constructor(
    private readonly database: Database,
    private readonly schema: string,
    private readonly group: string,
    private readonly wait: Wait,
  ) {}

  async play(played: readonly (PlayedEvent | EventEnvelope)[]): Promise<EventEnvelope[]> {
    const events = played.map((event) => this.complete(event));
    await this.database.tx(async (tx) => {
      for (const event of events) await tx.query(APPEND_SQL, valuesOf(event));
    });
    await this.wait('the subscriber did not consume the events', async () =>
      [
        ...(await lagByTopic(this.database, this.schema, this.group)).map(({ lag }) => lag),
        ...(await deferredByTopic(this.database, this.schema, this.group)).map(({ deferred }) => deferred),
      ].every((events) => events === 0),
    );
    return events;
  }

  parked(): Promise<ParkedTestEvent[]> {
    return this.database.query(
      `select key, sequence::int, event ->> 'type' as type, state, attempts, error
       from ${identifier(this.schema)}.parked_event where consumer_group = $1 order by topic, key, sequence, id`,
      [this.group],
    );
  }

  async retryParked(): Promise<ParkedTestEvent[]> {
    await retryMatching(this.database, this.schema, { group: this.group });
    await this.wait('the subscriber did not retry each parked key', async () =>
      (await heads(this.database, this.schema, this.group)).every(({ event, attempts }) => !event || attempts > 0),
    );
    return this.parked();
  }

  /** Fills in what the test left out. The data of a sample names the subject and the tenant of the event. */
  private complete(played: PlayedEvent | EventEnvelope): EventEnvelope {
    const sample = sampleEvent(played.type);
    const { tenant = sample.tenant, subject = sample.subject } = played;
    const key = eventKey(tenant, subject);
    const last = this.sequences.get(key) ?? 0;
    const sequence = played.sequence ?? last + 1;
    this.sequences.set(key, Math.max(last, sequence));
    const data = JSON.stringify(sample.data).replaceAll(sample.subject, subject).replaceAll(sample.tenant, tenant);
    return {
      ...sample,
      id: randomUUID(),
      time: new Date().toISOString(),
      data: JSON.parse(data) as EventEnvelope['data'],
      ...played,
      tenant,
      subject,
      key,
      sequence,
    };
  }
}

const APPEND_SQL = `
  with logged as (
    insert into bus.event_log (partition, topic, key, event_id, type, source, subject, tenant, sequence, time, causation_id, traceparent, data)
    values (abs(hashtextextended($2, 0) % ${PARTITIONS}), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    returning topic, partition
  )
  select pg_notify('${CHANNEL}', topic || ':' || partition) from logged`;

const valuesOf = (event: EventEnvelope): unknown[] => [
  topicOf(event.type),
  event.key,
  event.id,
  event.type,
  event.source,
  event.subject,
  event.tenant,
  event.sequence,
  event.time,
  event.causationid,
  event.traceparent,
  JSON.stringify(event.data),
];

async function run(url: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
