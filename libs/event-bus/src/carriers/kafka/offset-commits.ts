/**
 * Commits a consumer's offsets every 250 ms, because a commit costs more than handling the few events of a fetch. After
 * a crash or a rebalance, events without a committed offset are redelivered, and the inbox drops them.
 */
import type { Logger } from '#platform';
import type { EachBatchPayload } from 'kafkajs';

const EVERY_MS = 250;

export class OffsetCommits {
  private payload: EachBatchPayload | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly logger: Logger) {}

  due(payload: EachBatchPayload): void {
    this.payload = payload;
    this.timer ??= setTimeout(() => void this.commit(), EVERY_MS).unref();
  }

  /** Never rejects: if Kafka refuses the offsets, their events are redelivered and the inbox drops them. */
  async commit(): Promise<void> {
    clearTimeout(this.timer);
    const { payload } = this;
    this.timer = this.payload = undefined;
    try {
      await payload?.commitOffsetsIfNecessary(payload.uncommittedOffsets());
    } catch (error) {
      this.logger.debug(
        { err: error },
        'Kafka did not accept the offsets; their events may be delivered again and are then dropped as repetitions',
      );
    }
  }
}
