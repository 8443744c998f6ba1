/** Detects that a Kafka consumer has crashed, or has neither fetched nor sent a heartbeat for a long time. */
import type { Consumer } from 'kafkajs';

const CHECK_MS = 1_000;

/**
 * kafkajs reports these errors if the brokers refuse connections, do not answer, or know no leader. A restart of this
 * process would not help.
 */
const UNREACHABLE = /^KafkaJS(Connection|RequestTimeout|NumberOfRetriesExceeded|BrokerNotFound)/;

export class Watchdog {
  private lastActivity: number;
  private unreachable = false;

  constructor(
    private readonly sessionTimeoutMs: number,
    private readonly now = () => Date.now(),
  ) {
    this.lastActivity = now();
  }

  active(): void {
    this.lastActivity = this.now();
  }

  reached(): void {
    this.unreachable = false;
    this.active();
  }

  failed(error: unknown): void {
    this.unreachable = error instanceof Error && UNREACHABLE.test(error.name);
  }

  /**
   * Resolves with the reason when `consumer` has crashed or has been silent for two session timeouts, and with
   * undefined when `signal` is aborted.
   */
  watch(consumer: Consumer, signal: AbortSignal): Promise<Error | undefined> {
    this.active();
    return new Promise((resolve) => {
      const end = (reason?: Error) => {
        clearInterval(timer);
        signal.removeEventListener('abort', onAbort);
        resolve(reason);
      };
      const onAbort = () => end();
      const timer = setInterval(() => {
        const silent = this.now() - this.lastActivity;
        if (silent > 2 * this.sessionTimeoutMs)
          end(new Error(`the Kafka consumer has been silent for ${Math.round(silent / 1000)} s`));
      }, CHECK_MS);
      timer.unref();
      signal.addEventListener('abort', onAbort);
      consumer.on(consumer.events.HEARTBEAT, () => this.active());
      consumer.on(consumer.events.FETCH, () => this.active());
      consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error));
    });
  }

  /**
   * Liveness check. Rejects if the brokers answer, but the consumer has been silent for four session timeouts. Only a
   * restart can help then.
   */
  check(): Promise<void> {
    const silent = this.now() - this.lastActivity;
    if (this.unreachable || silent < 4 * this.sessionTimeoutMs) return Promise.resolve();
    return Promise.reject(new Error(`the Kafka consumer has been silent for ${Math.round(silent / 1000)} s`));
  }
}
