import type { Provider } from '@nestjs/common';
import { CONFIG, Database, Health, LOGGER, Metrics, type Logger } from '#platform';
import { createBus } from './bus.js';
import { Outbox } from './producer/outbox.js';
import { Sequencer } from './producer/sequencer.js';
import type { BusConfig } from './settings.js';

/**
 * The providers of a service that publishes: its outbox, and the sequencer that passes stored events to the carrier.
 */
export const publishing = (service: string): Provider[] => [
  {
    provide: Sequencer,
    inject: [CONFIG, Database, LOGGER, Metrics, Health],
    useFactory: (config: BusConfig, database: Database, logger: Logger, metrics: Metrics, health: Health) =>
      createBus(config, { service, database, logger, metrics, health }).sequencer(),
  },
  {
    provide: Outbox,
    inject: [Database, Sequencer],
    useFactory: ({ schema }: Database, sequencer: Sequencer) => {
      const outbox = new Outbox(schema, service);
      outbox.onStored(() => sequencer.wake());
      return outbox;
    },
  },
];
