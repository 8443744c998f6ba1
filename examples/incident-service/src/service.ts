/** The definition of the service. `main.ts` runs it, and its test starts it in the process of the test. */
import { guardSettings } from '#access-guard';
import { subscriberService } from '#event-bus';
import type { ServiceDefinition } from '#platform';
import { IncidentServiceModule } from './incident-service.module.js';
import { CreateIncidents1760000000000 } from './migrations/0001-incidents.js';
import { PeopleConsumer } from './people.consumer.js';

const subscriber = subscriberService({
  name: 'incident-service',
  summary: 'Example: incidents that belong to people.',
  schema: 'incidents',
  controllers: [PeopleConsumer],
  migrations: [CreateIncidents1760000000000],
});

const config = { ...subscriber.config, ...guardSettings };

export const service: ServiceDefinition<typeof config> = {
  ...subscriber,
  config,
  module: (platform) => IncidentServiceModule.for(platform),
};
