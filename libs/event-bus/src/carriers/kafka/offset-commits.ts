/**
 * Commits a consumer's offsets every 250 ms. A commit after each fetch would cost more than the few events of a fetch.
 * After a crash or a rebalance, events without a committed offset are redelivered, and the version gate drops them.
 */
import type { Logger } from '#platform';
import type { EachBatchPayload } from 'kafkajs';

const EVERY_MS = 250;

export class OffsetCommits {
  private payload: EachBatchPayload | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly logger: Logger) {}

  /** Offsets were resolved. */
  due(payload: EachBatchPayload): void {
    this.payload = payload;
    this.timer ??= setTimeout(() => void this.commit(), EVERY_MS).unref();
  }

  /** Never rejects: after a rebalance another member commits these offsets. */
  async commit(): Promise<void> {
    clearTimeout(this.timer);
    const { payload } = this;
    this.timer = this.payload = undefined;
    try {
      await payload?.commitOffsetsIfNecessary(payload.uncommittedOffsets());
    } catch (error) {
      this.logger.debug({ err: error }, 'offsets were not committed; their events may be delivered again');
    }
  }
}
