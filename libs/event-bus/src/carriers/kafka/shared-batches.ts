/**
 * Consumes the fetched events of several partitions of a topic in one transaction, because a transaction costs more
 * than a few events. A key has one partition, so the order per key is preserved. All transactions take their locks in
 * the order of the partitions.
 */
import { isOutage } from '../../consumer/attempt.js';
import type { BatchSize } from '../../consumer/batch-size.js';
import type { GroupConsumer } from '../../consumer/group-consumer.js';
import type { Delivery, TopicPartition } from '../../record.js';

export interface PartitionBatch extends TopicPartition {
  readonly deliveries: readonly Delivery[];
  /** Returns whether events of other tenants wait behind this batch, or may wait. */
  readonly othersBehind: (tenant: string) => boolean;
  /** True if this batch gets its own transaction. */
  readonly exclusive: boolean;
  /** Returns false once the partition is reassigned or the process is stopping. */
  readonly assigned: () => boolean;
  /** Called between events. If it throws, the transaction is rolled back. */
  readonly heartbeat: () => Promise<void>;
}

/** A shared transaction failed. Each of its partitions must be retried in its own transaction. */
export class BatchFailed extends Error {}

/** The batch was not started, because the partition was reassigned or the process is stopping. */
export class PartitionLost extends Error {}

interface Waiting extends PartitionBatch {
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class SharedBatches {
  private waiting: Waiting[] = [];
  private running = 0;
  private gathering: NodeJS.Immediate | undefined;

  /** `concurrency` is the maximum number of simultaneous transactions; each holds a database connection. */
  constructor(
    private readonly consumer: GroupConsumer,
    private readonly concurrency: number,
    private readonly size: BatchSize,
    private readonly report: (error: unknown, batches: readonly PartitionBatch[]) => void,
  ) {}

  /**
   * Resolves when the events are committed. Rejects with {@link BatchFailed} if a shared transaction failed while the
   * database was available, and otherwise with the error of the transaction.
   */
  consume(batch: PartitionBatch): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ ...batch, done, failed });
      this.gathering ??= setImmediate(() => {
        this.gathering = undefined;
        this.startTransactions();
      });
    });
  }

  private startTransactions(): void {
    for (const batch of this.waiting.filter(({ assigned }) => !assigned())) batch.failed(new PartitionLost());
    this.waiting = this.waiting.filter(({ assigned }) => assigned());
    while (this.running < this.concurrency && this.waiting.length > 0) {
      this.running++;
      void this.run(this.take()).finally(() => {
        this.running--;
        this.startTransactions();
      });
    }
  }

  private take(): Waiting[] {
    const [first] = this.waiting;
    const taken = new Set(first && [first]);
    let events = first?.deliveries.length ?? 0;
    for (const batch of first?.exclusive ? [] : this.waiting.slice(1)) {
      const fits = events + batch.deliveries.length <= this.size.shared;
      if (batch.exclusive || batch.topic !== first?.topic || !fits) continue;
      taken.add(batch);
      events += batch.deliveries.length;
    }
    this.waiting = this.waiting.filter((batch) => !taken.has(batch));
    return [...taken].sort((a, b) => a.partition - b.partition);
  }

  /** Never rejects. */
  private async run(batches: readonly Waiting[]): Promise<void> {
    let assigned = true;
    const heartbeat = (): Promise<void> =>
      (batches[0] as PartitionBatch).heartbeat().catch((error: unknown) => {
        assigned = false;
        throw error;
      });
    try {
      await this.transaction(batches, heartbeat);
      for (const batch of batches) batch.done();
    } catch (error) {
      if (assigned) this.size.failed();
      const retrySeparately = assigned && batches.length > 1 && !isOutage(error);
      if (assigned && !retrySeparately) this.report(error, batches);
      for (const batch of batches) batch.failed(retrySeparately ? new BatchFailed() : error);
    }
  }

  private async transaction(batches: readonly PartitionBatch[], progress: () => Promise<void>): Promise<void> {
    const start = Date.now();
    const { topic } = batches[0] as PartitionBatch;
    const deliveries = batches.flatMap((batch) => batch.deliveries);
    const othersBehind = (tenant: string) => Promise.resolve(batches.some((batch) => batch.othersBehind(tenant)));
    await this.consumer.inTransaction((tx, run) =>
      this.consumer.consume(tx, topic, deliveries, run, othersBehind, progress),
    );
    this.size.took(deliveries.length, Date.now() - start);
  }
}
