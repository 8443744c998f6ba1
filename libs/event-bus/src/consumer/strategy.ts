import type { Topic } from '#events';
import type { Logger } from '#platform';
import { Server, type MessageHandler } from '@nestjs/microservices';
import { GroupConsumer, type GroupOptions } from './group-consumer.js';
import { deferredAges, deferredByTopic } from './deferred.sql.js';
import { DeferredDrainer } from './deferred-drainer.js';
import { Drainer } from './drainer.js';
import { Handlers, type ChosenTopics } from './handlers.js';
import { heads } from './parking.sql.js';
import { waitingTenants, type TenantAge } from '../tenant-lag.js';

export abstract class EventStrategy extends Server {
  override readonly propagatesEventHandlerErrors = true;
  protected readonly consumer: GroupConsumer;
  private readonly handlers: Handlers;
  private readonly drainer: Drainer;
  private readonly deferredDrainer: DeferredDrainer;
  protected readonly log: Logger;

  constructor(
    protected readonly options: GroupOptions,
    chosen?: ChosenTopics,
  ) {
    super();
    this.handlers = new Handlers(chosen);
    this.consumer = new GroupConsumer(options, this.handlers);
    this.drainer = new Drainer(this.consumer);
    this.deferredDrainer = new DeferredDrainer(this.consumer);
    this.log = options.logger;
  }

  /** Nest calls this method for each decorated method. `@MessagePattern` is refused, because events have no replies. */
  override addHandler(pattern: unknown, handler: MessageHandler, isEventHandler = false): void {
    if (!isEventHandler || typeof pattern !== 'string')
      throw new Error(`only @EventPattern with a topic or an event type is supported, not ${JSON.stringify(pattern)}`);
    this.handlers.add(pattern, handler);
  }

  listen(callback: (error?: unknown) => void): void {
    this.start().then(() => callback(), callback);
  }

  async close(): Promise<void> {
    await Promise.all([this.drainer.stop(), this.deferredDrainer.stop(), this.stopConsuming()]);
  }

  private async start(): Promise<void> {
    const topics = this.handlers.topics();
    this.options.metrics.reportFrom(
      () => this.reportWholeLag(),
      () => this.reportParked(),
      () => this.reportTenants(),
    );
    await this.startConsuming(topics);
    this.drainer.start();
    this.deferredDrainer.start();
    this.log.info({ group: this.options.group, topics }, 'consuming events');
  }

  private async reportParked(): Promise<void> {
    const { database, schema, group, metrics } = this.options;
    for (const { topic, state } of await heads(database, schema, group))
      metrics.parkedKeys.inc({ group, topic, state });
  }

  private async reportWholeLag(): Promise<void> {
    const { database, schema, group, metrics } = this.options;
    await this.reportLag();
    for (const { topic, deferred } of await deferredByTopic(database, schema, group))
      metrics.lag.inc({ group, topic }, deferred);
  }

  private async reportTenants(): Promise<void> {
    const { database, schema, group, metrics } = this.options;
    const ages = await Promise.all([this.tenantAges(), deferredAges(database, schema, group)]);
    const { count, longest } = waitingTenants(ages.flat());
    metrics.waitingTenants.set({ group }, count);
    for (const { tenant, seconds } of longest) metrics.tenantAge.set({ group, tenant }, seconds);
  }

  /** Sets the number of events that the carrier has for the group. */
  protected abstract reportLag(): Promise<void>;
  /** Returns the ages of events that the carrier has for the group, without those that are deferred. */
  protected abstract tenantAges(): Promise<TenantAge[]>;
  protected abstract startConsuming(topics: readonly Topic[]): Promise<void>;
  protected abstract stopConsuming(): Promise<void>;

  on(): never {
    throw new Error('this transport emits no status events');
  }

  unwrap<T>(): T {
    return this.options.database as T;
  }
}
