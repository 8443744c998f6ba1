/**
 * Commits a consumer's offsets now and then instead of after each batch, which at a few events per batch costs more than
 * the events do. What is not committed yet is redelivered after a crash or a rebalance, and meets the version gate.
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

  /** Never rejects: after a rebalance the offsets are another member's to commit. */
  async commit(): Promise<void> {
    clearTimeout(this.timer);
    const { payload } = this;
    this.timer = this.payload = undefined;
    try {
      await payload?.commitOffsetsIfNecessary(payload.uncommittedOffsets());
    } catch (error) {
      this.logger.debug({ err: error }, 'offsets were not committed; what they cover may come again');
    }
  }
}
