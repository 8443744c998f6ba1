/** What every part of a service may use; provided globally under {@link PLATFORM}. */
import type { Database } from './database.js';
import type { Health } from './health.js';
import type { Logger } from './logging.js';
import type { Metrics } from './metrics.js';

export const PLATFORM = Symbol('platform');

export interface PlatformContext<C = Record<string, unknown>> {
  readonly service: string;
  readonly config: C;
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
}
