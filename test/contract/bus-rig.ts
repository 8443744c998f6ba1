/**
 * A publisher and consumers of one installation, in one process, on a real database; the contract suite uses them. The
 * publisher has the role and schema of scim-gateway unless a test names another, the consumers have those of
 * identity-service.
 */
import { randomUUID } from 'node:crypto';
import { Controller, Module } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventBusClient, InternalClient } from '#contracts';
import type { EventEnvelope } from '#events';
import {
  busSettings,
  createBus,
  EventAdminModule,
  Outbox,
  type BusConfig,
  type EventContext,
  type NewEvent,
  type Sequencer,
  type StrategyOptions,
} from '#event-bus';
import {
  callersSchema,
  connectConsumer,
  createApplication,
  createLogger,
  Database,
  Health,
  loadConfig,
  Metrics,
  serviceSettings,
  type PlatformContext,
} from '#platform';
import { SERVICES, type ServiceName } from '../../apps/provision/src/provision.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { INTERNAL_API_CALLERS, TOKEN } from '../support/internal-api.js';

export type Handle = (event: EventEnvelope, context: EventContext) => unknown;

export const TOPIC = 'directory.groups';
export const TYPE = 'com.stackflow.directory.group.created.v1';

/** An event of group `subject`; its display name holds the sequence, so that a mix-up would show. */
export const groupEvent = (
  tenant: string,
  subject: string,
  sequence: number,
  displayName = `version ${sequence}`,
): NewEvent => ({
  type: TYPE,
  tenant,
  subject,
  sequence,
  causationId: 'test',
  data: { group: { id: subject, displayName, externalId: null, version: sequence } },
});

export interface Running {
  readonly metrics: Metrics;
  readonly health: Health;
  readonly database: Database;
  close(): Promise<void>;
}

export class BusRig {
  private readonly open: Running[] = [];
  private readonly apis: (() => Promise<void>)[] = [];
  readonly outbox: Outbox;

  private constructor(
    readonly testDatabase: TestDatabase,
    readonly producer: Database,
    readonly admin: Database,
    readonly env: NodeJS.ProcessEnv,
    publisher: ServiceName,
  ) {
    this.outbox = new Outbox(SERVICES[publisher].schema, publisher);
  }

  static async create(env: NodeJS.ProcessEnv, publisher: ServiceName = 'scim-gateway'): Promise<BusRig> {
    const testDatabase = await createTestDatabase();
    const producer = await Database.connect({
      url: testDatabase.url(publisher),
      schema: SERVICES[publisher].schema,
      poolSize: 20,
    });
    const admin = await Database.connect({ url: testDatabase.adminUrl, schema: 'public', poolSize: 3 });
    await admin.query(
      `create table identity.effect (id bigint generated always as identity, key text, sequence bigint, event_id uuid, worker text, at timestamptz default clock_timestamp());
       grant select, insert on identity.effect to identity_service`,
    );
    return new BusRig(testDatabase, producer, admin, env, publisher);
  }

  config(extra: NodeJS.ProcessEnv = {}): BusConfig {
    return loadConfig('test', busSettings, { ...this.env, ...extra });
  }

  async publish(events: readonly NewEvent[]): Promise<void> {
    await this.producer.tx((tx) => this.outbox.add(tx, events));
  }

  /** A sequencer on the publisher's outbox. */
  async sequencer(extra: NodeJS.ProcessEnv = {}): Promise<Sequencer> {
    const platform = this.platform('scim-gateway', this.producer);
    const sequencer = createBus(this.config(extra), platform).sequencer();
    await sequencer.start();
    this.open.push({ ...platform, close: () => sequencer.stop() });
    return sequencer;
  }

  /** How many of the running sequencers report that they lead. */
  async leaders(): Promise<number> {
    let leaders = 0;
    for (const { metrics } of this.open)
      leaders += Number(/^event_sequencer_leader\{.*\} (\d)/m.exec(await metrics.registry.metrics())?.[1] ?? 0);
    return leaders;
  }

  /** Like a process of consumer group `group`: with its own pool, application and strategy. */
  async consume(
    group: string,
    handle: Handle,
    options: StrategyOptions & { env?: NodeJS.ProcessEnv } = {},
  ): Promise<Running> {
    @Controller()
    class Probe {
      @EventPattern(TOPIC)
      async on(@Ctx() context: EventContext): Promise<void> {
        await handle(context.event, context);
      }
    }
    @Module({ controllers: [Probe] })
    class ProbeModule {}
    const database = await Database.connect({
      url: this.testDatabase.url('identity-service'),
      schema: 'identity',
      poolSize: 8,
      connectTimeoutMs: 3_000,
    });
    const platform = this.platform(group, database);
    const app = await createApplication(
      {
        name: group,
        summary: '',
        config: serviceSettings,
        database: { schema: 'identity' },
        module: () => ProbeModule,
      },
      platform as never,
    );
    connectConsumer(app, createBus(this.config(options.env), platform).strategy(group, options));
    await app.startAllMicroservices();
    let closed = false;
    const running: Running = {
      metrics: platform.metrics,
      health: platform.health,
      database,
      async close() {
        if (closed) return;
        closed = true;
        await app.close();
        await database.close();
      },
    };
    this.open.push(running);
    return running;
  }

  /** The internal API of a service: of the one that publishes, or of the one that consumes. */
  async api(service: 'scim-gateway' | 'identity-service'): Promise<{ url: string; events: EventBusClient }> {
    const schema = service === 'scim-gateway' ? 'directory' : 'identity';
    const database = await Database.connect({ url: this.testDatabase.url(service), schema, poolSize: 3 });
    const platform = this.platform(service, database, {
      ...this.config(),
      INTERNAL_API_CALLERS: callersSchema.parse(INTERNAL_API_CALLERS),
    });
    const app = await createApplication(
      {
        name: service,
        summary: '',
        config: serviceSettings,
        database: { schema },
        module: () => EventAdminModule,
      },
      platform as never,
    );
    await app.listen(0, '127.0.0.1');
    this.apis.push(() => app.close().then(() => database.close()));
    const url = await app.getUrl();
    return { url, events: new EventBusClient(new InternalClient({ service, url, token: TOKEN, timeoutMs: 60_000 })) };
  }

  /** Ends the sequencers and consumers that a test has started. */
  async rest(): Promise<void> {
    await Promise.all(this.open.splice(0).map((r) => r.close()));
  }

  async close(): Promise<void> {
    await this.rest();
    await Promise.all(this.apis.map((close) => close()));
    await Promise.all([this.producer.close(), this.admin.close()]);
    await this.testDatabase.drop();
  }

  private platform(service: string, database: Database, config = {}): PlatformContext {
    return {
      service,
      config,
      database,
      logger: createLogger(service, process.env.TEST_LOG_LEVEL ?? 'silent'),
      metrics: new Metrics(service, { process: false }),
      health: new Health(),
    };
  }
}

/** For a test that waits with {@link until} more than once. */
export const TEST_LIMIT_MS = 180_000;

/** Waits until `probe` answers true; fails with what it answered last. The limit is for a busy machine. */
export async function until(probe: () => unknown, what: string, ms = 60_000): Promise<void> {
  const deadline = Date.now() + ms;
  for (;;) {
    const answer = await probe();
    if (answer === true) return;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what} (last seen: ${JSON.stringify(answer)})`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A tenant and subjects that no other test uses, hence keys that no other test's events touch. */
export const newTenant = (): string => randomUUID();
