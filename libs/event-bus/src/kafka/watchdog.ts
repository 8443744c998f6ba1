/** Notices that a Kafka consumer has ended or fallen silent, and answers the liveness probe. */
import type { Consumer } from 'kafkajs';

const LOOK_EVERY_MS = 1_000;

/** The brokers are away: refused, hung, or unable to say who leads. A new process would find them no more present. */
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

  /** The brokers answered. */
  reached(): void {
    this.unreachable = false;
    this.active();
  }

  /** The consumer could not be started or has ended. */
  failed(error: unknown): void {
    this.unreachable = error instanceof Error && UNREACHABLE.test(error.name);
  }

  /**
   * Resolves when `consumer` has crashed or was silent for two session timeouts (with the reason), or when `signal`
   * is aborted (with nothing).
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
      }, LOOK_EVERY_MS);
      timer.unref();
      signal.addEventListener('abort', onAbort);
      consumer.on(consumer.events.HEARTBEAT, () => this.active());
      consumer.on(consumer.events.FETCH, () => this.active());
      consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error));
    });
  }

  /** Rejects when only a new process can help: silent for long although the brokers answer. */
  check(): Promise<void> {
    const silent = this.now() - this.lastActivity;
    if (this.unreachable || silent < 4 * this.sessionTimeoutMs) return Promise.resolve();
    return Promise.reject(new Error(`the Kafka consumer has been silent for ${Math.round(silent / 1000)} s`));
  }
}
