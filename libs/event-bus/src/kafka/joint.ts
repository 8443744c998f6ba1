/**
 * What one fetch brought for several partitions is consumed in one transaction: at a few events per partition, a
 * transaction for each of them costs more than the events do. Each key has one partition, so nothing is reordered.
 */
import type { Topic } from '#events';
import { isDatabaseOutage } from '#platform';
import type { ChunkSize } from '../chunk-size.js';
import type { GroupConsumer } from '../consumer.js';
import type { Delivery } from '../record.js';

/** Events of one partition, in order. */
export interface Part {
  readonly topic: Topic;
  readonly partition: number;
  readonly deliveries: readonly Delivery[];
  /** Called between events; what it throws ends the transaction. */
  readonly heartbeat: () => Promise<void>;
}

export const partId = ({ topic, partition }: Part): string => `${topic}:${partition}`;

interface Waiting extends Part {
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

export class JointTransactions {
  private waiting: Waiting[] = [];
  private running = 0;
  private gathering: NodeJS.Immediate | undefined;

  /** At most `lanes` transactions at a time (each holds a connection). */
  constructor(
    private readonly consumer: GroupConsumer,
    private readonly lanes: number,
    private readonly size: ChunkSize,
    private readonly report: (error: unknown, parts: readonly Part[]) => void,
  ) {}

  /** Resolves when the part is committed; rejects if it was rolled back: after a report, unless the heartbeat said so. */
  consume(part: Part): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ ...part, done, failed });
      this.gathering ??= setImmediate(() => {
        this.gathering = undefined;
        this.fillLanes();
      });
    });
  }

  private fillLanes(): void {
    while (this.running < this.lanes && this.waiting.length > 0) {
      this.running++;
      void this.run(this.take()).finally(() => {
        this.running--;
        this.fillLanes();
      });
    }
  }

  private take(): Waiting[] {
    let events = 0;
    let count = 0;
    for (const { deliveries } of this.waiting) {
      if (count > 0 && events + deliveries.length > this.size.shared) break;
      events += deliveries.length;
      count++;
    }
    return this.waiting.splice(0, count);
  }

  /** Never rejects. Parts that fail together are tried one by one: a failure is nobody's but its own. */
  private async run(parts: readonly Waiting[]): Promise<void> {
    let ours = true;
    try {
      await this.transaction(parts, () =>
        (parts[0] as Part).heartbeat().catch((error: unknown) => {
          ours = false;
          throw error;
        }),
      );
      for (const part of parts) part.done();
    } catch (error) {
      if (ours) this.size.failed();
      if (ours && parts.length > 1 && !isDatabaseOutage(error)) {
        for (const part of parts) await this.run([part]);
        return;
      }
      if (ours) this.report(error, parts);
      for (const part of parts) part.failed(error);
    }
  }

  private async transaction(parts: readonly Part[], progress: () => Promise<void>): Promise<void> {
    const start = Date.now();
    const byTopic = new Map<Topic, Delivery[]>();
    for (const { topic, deliveries } of parts) byTopic.set(topic, [...(byTopic.get(topic) ?? []), ...deliveries]);
    await this.consumer.inTransaction(async (tx, doubt) => {
      for (const [topic, deliveries] of byTopic) await this.consumer.consume(tx, topic, deliveries, doubt, progress);
    });
    const events = parts.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
    this.size.took(events, Date.now() - start);
  }
}
