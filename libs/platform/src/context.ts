import type { Database } from './database.js';
import type { Health } from './health.js';
import type { Logger } from './logging.js';
import type { Metrics } from './metrics.js';

/** Injects the validated configuration of the service: `@Inject(CONFIG) config: ConfigOf<typeof config>`. */
export const CONFIG = Symbol('config');
/** Injects the name of the service. */
export const SERVICE = Symbol('service');
/** `@Inject(LOGGER) logger: Logger`. */
export const LOGGER = Symbol('logger');

export interface PlatformContext<C = Record<string, unknown>> {
  readonly service: string;
  readonly config: C;
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
}
