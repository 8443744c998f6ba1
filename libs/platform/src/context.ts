/**
 * What every part of a service may inject. `Database`, `Metrics` and `Health` are provided under their classes; the
 * configuration and the logger are no classes of ours, so they have tokens.
 */
import type { Database } from './database.js';
import type { Health } from './health.js';
import type { Logger } from './logging.js';
import type { Metrics } from './metrics.js';

/** `@Inject(CONFIG) config: ConfigOf<typeof config>`: the checked configuration of the service. */
export const CONFIG = Symbol('config');
/** `@Inject(LOGGER) logger: Logger`. */
export const LOGGER = Symbol('logger');
/** All of it at once; being replaced by the tokens and classes above. */
export const PLATFORM = Symbol('platform');

export interface PlatformContext<C = Record<string, unknown>> {
  readonly service: string;
  readonly config: C;
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly health: Health;
}
