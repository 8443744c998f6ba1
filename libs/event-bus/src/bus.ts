/** Wires the bus of one service: which carrier, from the configuration. */
import type { Topic } from '#events';
import type { PlatformContext } from '#platform';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import { Sequencer } from './sequencer.js';
import { checkBusConfig, type BusConfig } from './settings.js';

export type BusPlatform = Pick<PlatformContext, 'service' | 'database' | 'logger' | 'metrics' | 'health'>;

export interface StrategyOptions {
  /** Only these topics, of those that the controllers have handlers for. */
  readonly topics?: readonly Topic[];
}

export interface Bus {
  /**
   * The publisher of this service's outbox. Put it among a module's providers (`{ provide: Sequencer, useValue }`):
   * it starts and stops with the application. Any number of replicas may run it; one of them leads.
   */
  sequencer(schema?: string): Sequencer;
  /** Drives the `@EventPattern` handlers of the application as consumer group `group`. */
  strategy(group: string, options?: StrategyOptions): CustomTransportStrategy;
}

export function createBus(config: BusConfig, platform: BusPlatform): Bus {
  checkBusConfig(platform.service, config);
  throw new Error('not yet');
}
