import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { Sequencer } from '#event-bus';
import { CONFIG, Database } from '#platform';
import type { HubConfig } from '../config.js';

const LOOK_EVERY_MS = 20;

/** Makes an answer wait until the events of its change are published. */
@Injectable()
export class Publishing {
  constructor(
    private readonly database: Database,
    private readonly sequencer: Sequencer,
    @Inject(CONFIG) private readonly config: Pick<HubConfig, 'PUBLISH_TIMEOUT_MS'>,
  ) {}

  /**
   * Waits until every event that is stored now is published, and resolves with true. Resolves with false if the carrier
   * does not accept the events in time. Some replica publishes these events later, as soon as the carrier accepts them.
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
