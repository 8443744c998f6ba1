/** Every replica removes expired sessions, used tokens and audit rows. */
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, Database, LOGGER, type Logger } from '#platform';
import { Loop } from '#worker';
import { sweepAudit } from '../audit/audit.js';
import type { AuthConfig } from '../config.js';
import { sweepSpentTokens } from '../exchange/spent-tokens.js';
import { sweepSessions } from './ending.js';

const PAUSE_MS = 60_000;

@Injectable()
export class AuthSweeper {
  private readonly loop: Loop;

  constructor(
    database: Database,
    @Inject(LOGGER) logger: Logger,
    @Inject(CONFIG) { SESSION_IDLE_MINUTES, AUDIT_RETENTION_DAYS }: AuthConfig,
  ) {
    this.loop = new Loop('sweep', PAUSE_MS, logger, async () => {
      await sweepSpentTokens(database);
      await sweepSessions(database, SESSION_IDLE_MINUTES);
      return sweepAudit(database, AUDIT_RETENTION_DAYS);
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }
}
