/**
 * What one fetch brought for several partitions of a topic is consumed in one transaction: at a few events per
 * partition, a transaction for each of them costs more than the events do. Each key has one partition, so nothing is
 * reordered; one topic, in the order of its partitions, so that locks have one order.
 */
import { isOutage } from '../attempt.js';
import type { ChunkSize } from '../chunk-size.js';
import type { GroupConsumer } from '../consumer.js';
import type { Delivery, Place } from '../record.js';

/** Events of one partition, in order. */
export interface Part extends Place {
  readonly deliveries: readonly Delivery[];
  /** Shares its transaction with nobody. */
  readonly alone: boolean;
  /** The partition is ours, and nobody has asked us to stop. */
  readonly alive: () => boolean;
  /** Called between events; what it throws ends the transaction. */
  readonly heartbeat: () => Promise<void>;
}

/** Of several parts one has failed, or each of them might: try them alone. */
export class FailedTogether extends Error {}

/** Was not begun: the partition is another's now, or this process stops. */
export class NotAlive extends Error {}

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

  /**
   * Resolves when the part is committed. Rejects if it was rolled back: with {@link FailedTogether}; or with its error,
   * after a report; or with what the heartbeat threw; or, not begun, with {@link NotAlive}.
   */
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
    for (const part of this.waiting.filter(({ alive }) => !alive())) part.failed(new NotAlive());
    this.waiting = this.waiting.filter(({ alive }) => alive());
    while (this.running < this.lanes && this.waiting.length > 0) {
      this.running++;
      void this.run(this.take()).finally(() => {
        this.running--;
        this.fillLanes();
      });
    }
  }

  private take(): Waiting[] {
    const [first] = this.waiting;
    const taken = new Set(first && [first]);
    let events = first?.deliveries.length ?? 0;
    for (const part of first?.alone ? [] : this.waiting.slice(1)) {
      if (part.alone || part.topic !== first?.topic || events + part.deliveries.length > this.size.shared) continue;
      taken.add(part);
      events += part.deliveries.length;
    }
    this.waiting = this.waiting.filter((part) => !taken.has(part));
    return [...taken].sort((a, b) => a.partition - b.partition);
  }

  /** Never rejects. */
  private async run(parts: readonly Waiting[]): Promise<void> {
    let ours = true;
    const heartbeat = (): Promise<void> =>
      (parts[0] as Part).heartbeat().catch((error: unknown) => {
        ours = false;
        throw error;
      });
    try {
      await this.transaction(parts, heartbeat);
      for (const part of parts) part.done();
    } catch (error) {
      if (ours) this.size.failed();
      const together = ours && parts.length > 1 && !isOutage(error);
      if (ours && !together) this.report(error, parts);
      for (const part of parts) part.failed(together ? new FailedTogether() : error);
    }
  }

  private async transaction(parts: readonly Part[], progress: () => Promise<void>): Promise<void> {
    const start = Date.now();
    const { topic } = parts[0] as Part;
    const deliveries = parts.flatMap((part) => part.deliveries);
    await this.consumer.inTransaction((tx, doubt) => this.consumer.consume(tx, topic, deliveries, doubt, progress));
    this.size.took(deliveries.length, Date.now() - start);
  }
}
