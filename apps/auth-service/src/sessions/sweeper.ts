/** Removes logins, sessions, spent tokens and audit rows that are over. Any replica may; what one has deleted the others do not find. */
import { type Database, type Logger } from '#platform';
import { Loop } from '#worker';
import { sweepAudit } from '../audit.js';
import { sweepLogins } from '../login/login-states.js';
import { sweepSpent } from '../spent.js';
import { sweepSessions } from './ending.js';

const PAUSE_MS = 60_000;

export interface Lifetimes {
  readonly idleMinutes: number;
  /** 0 = for ever. */
  readonly auditDays: number;
}

export class Sweeper {
  private readonly loop: Loop;

  constructor(database: Database, logger: Logger, { idleMinutes, auditDays }: Lifetimes) {
    this.loop = new Loop('sweep', PAUSE_MS, logger, async () => {
      await sweepLogins(database);
      await sweepSpent(database);
      await sweepSessions(database, idleMinutes);
      return sweepAudit(database, auditDays);
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }
}
