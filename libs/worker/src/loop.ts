/** Repeats an iteration: at once while there is work, otherwise after a pause. */
import { isDatabaseOutage, Waiter, type Logger } from '#platform';

const ERROR_PAUSE_MS = 500;

export class Loop {
  private readonly waiter = new Waiter();
  private running: Promise<void> | null = null;
  private stopped = false;

  constructor(
    private readonly name: string,
    private readonly pauseMs: number,
    private readonly logger: Logger,
    /** Resolves with true if there may be more to do at once. An error is logged, and the loop continues. */
    private readonly iterate: () => Promise<boolean>,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Resolves when the current iteration has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.running;
  }

  /** Starts the next iteration without a pause. */
  wake(): void {
    this.waiter.wake();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      let pauseMs = this.pauseMs;
      try {
        if (await this.iterate()) continue;
      } catch (error) {
        pauseMs = Math.max(pauseMs, ERROR_PAUSE_MS);
        if (isDatabaseOutage(error))
          this.logger.warn(
            { code: 'database_unavailable', loop: this.name, reason: String(error) },
            'the database does not answer; this loop continues when the database answers again',
          );
        else
          this.logger.error(
            { err: error, loop: this.name, code: 'loop_failed' },
            `the loop "${this.name}" failed; it continues after a pause`,
          );
      }
      if (!this.stopped) await this.waiter.wait(pauseMs);
    }
  }
}
