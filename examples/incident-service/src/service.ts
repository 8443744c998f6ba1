/** What the service is; `main.ts` runs it, its test starts it in process. */
import { guardSettings } from '#access-guard';
import { subscriberService } from '#event-bus';
import type { ServiceDefinition } from '#platform';
import { IncidentModule } from './incident.module.js';
import { CreateIncidents1760000000000 } from './migration.js';
import { PeopleSubscriber } from './people.subscriber.js';

const subscriber = subscriberService({
  name: 'incident-service',
  summary: 'Example: incidents that belong to people.',
  schema: 'incidents',
  controllers: [PeopleSubscriber],
  migrations: [CreateIncidents1760000000000],
});

const config = {
  ...subscriber.config,
  ...guardSettings,
};

export const service: ServiceDefinition<typeof config> = {
  ...subscriber,
  config,
  module: (platform) => IncidentModule.forPlatform(platform),
};
