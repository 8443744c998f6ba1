/**
 * Runs a background loop of rounds. The next round follows at once while there is work, and otherwise after a pause.
 */
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
    /**
     * Does one round. It resolves with true if there may be more to do at once. An error is logged, and the loop
     * continues.
     */
    private readonly round: () => Promise<boolean>,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Resolves when the current round has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.running;
  }

  /** Starts the next round without a pause. */
  wake(): void {
    this.waiter.wake();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      let pauseMs = this.pauseMs;
      try {
        if (await this.round()) continue;
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
            `a round of the ${this.name} loop failed; the next round follows after a pause`,
          );
      }
      if (!this.stopped) await this.waiter.wait(pauseMs);
    }
  }
}
