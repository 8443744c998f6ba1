/** The definition of the service. `main.ts` runs it, and its test starts it in the process of the test. */
import { AccessGuardModule, guardOptions, guardSettings } from '@stackflow/access-guard/nest';
import type { SubscriberDefinition } from '@stackflow/identity-events';
import { DeskController } from './desk.controller.js';
import { IncidentsController } from './incidents.controller.js';
import { CreateIncidents1760000000000 } from './migrations/0001-incidents.js';
import { PeopleConsumer } from './people.consumer.js';

export const subscriber: SubscriberDefinition<typeof guardSettings> = {
  name: 'incident-service',
  summary: 'Example: incidents that belong to people.',
  schema: 'incidents',
  settings: guardSettings,
  imports: (platform) => [AccessGuardModule.forRoot(guardOptions(platform))],
  controllers: [DeskController, IncidentsController, PeopleConsumer],
  migrations: [CreateIncidents1760000000000],
};
