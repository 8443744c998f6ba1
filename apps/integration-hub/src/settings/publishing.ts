import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Sequencer } from '#event-bus';
import { CONFIG, Database } from '#platform';
import type { HubConfig } from '../config.js';

const LOOK_EVERY_MS = 20;

/** Delays the response to a change until the events of the change are published. */
@Injectable()
export class Publishing {
  constructor(
    private readonly database: Database,
    private readonly sequencer: Sequencer,
    @Inject(CONFIG) private readonly config: Pick<HubConfig, 'PUBLISH_TIMEOUT_MS'>,
  ) {}

  /**
   * Resolves with true when all events stored so far are published, or with false after the time limit. In the second
   * case, the events are published later, as soon as the carrier accepts them.
   */
  async drain(): Promise<boolean> {
    const [newest] = await this.database.query<{ id: string }>('select coalesce(max(id), 0) as id from hub.outbox');
    const deadline = performance.now() + this.config.PUBLISH_TIMEOUT_MS;
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
}
