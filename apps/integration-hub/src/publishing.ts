/** Brings the hub's outbox to the carrier while a command waits. */
import type { Sequencer } from '#event-bus';
import type { Database } from '#platform';

const LOOK_EVERY_MS = 20;

export class Publishing {
  private started = false;

  constructor(
    private readonly database: Database,
    private readonly sequencer: Sequencer,
    private readonly timeoutMs: number,
  ) {}

  /**
   * True when everything that is stored by now has been published. False: it is stored, the carrier did not take it in
   * time; the next drain, by whichever process, publishes it.
   */
  async drain(): Promise<boolean> {
    const [newest] = await this.database.query<{ id: string }>('select coalesce(max(id), 0) as id from hub.outbox');
    const deadline = performance.now() + this.timeoutMs;
    if (!this.started) {
      this.started = true;
      await this.sequencer.start(); // resolves at once; it goes on trying by itself
    }
    this.sequencer.wake();
    for (;;) {
      const [left] = await this.database.query<{ some: boolean }>(
        'select exists (select 1 from hub.outbox where id <= $1) as some',
        [newest?.id],
      );
      if (!left?.some) return true;
      if (performance.now() >= deadline) return false;
      await sleep(LOOK_EVERY_MS);
    }
  }

  async stop(): Promise<void> {
    if (this.started) await this.sequencer.stop();
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
