/** A background loop: runs a round, again at once while there is work, else after a pause or a poke. Survives errors. */
import { isDatabaseOutage, type Logger } from '#platform';

const ERROR_PAUSE_MS = 500;

export class Loop {
  private running: Promise<void> | null = null;
  private stopped = false;
  private poked = false;
  private wake: (() => void) | null = null;

  constructor(
    private readonly name: string,
    private readonly pauseMs: number,
    private readonly logger: Logger,
    /** True = there may be more to do at once. */
    private readonly round: () => Promise<boolean>,
  ) {}

  start(): void {
    this.running ??= this.run();
  }

  /** Resolves when the round that is running has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.poke();
    await this.running;
  }

  poke(): void {
    this.poked = true;
    this.wake?.();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      this.poked = false;
      let more = false;
      let pauseMs = this.pauseMs;
      try {
        more = await this.round();
      } catch (error) {
        pauseMs = Math.max(pauseMs, ERROR_PAUSE_MS);
        if (isDatabaseOutage(error))
          this.logger.warn(
            { code: 'database_unavailable', loop: this.name, reason: String(error) },
            'the database is away; waiting',
          );
        else
          this.logger.error(
            { err: error, loop: this.name, code: 'loop_failed' },
            `a round of the ${this.name} loop failed; it goes on`,
          );
      }
      if (!more) await this.pause(pauseMs);
    }
  }

  private async pause(ms: number): Promise<void> {
    if (this.poked || this.stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = null;
  }
}
