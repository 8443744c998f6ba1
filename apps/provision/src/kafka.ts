/** The users of a Kafka cluster: the services, and the subscribers outside that KAFKA_SUBSCRIBERS names. */
import { owners, topics, type Topic } from '#events';
import { conflictOf, type KafkaUser } from '#event-bus';
import type { Setting } from '#platform';
import { z } from 'zod';
import { SERVICES, type ServiceName } from './schemas.js';

/** The topics for which a service has handlers. A test compares them with the handlers. */
const CONSUMES: Readonly<Record<ServiceName, readonly Topic[]>> = {
  'scim-gateway': ['integration.settings'],
  'identity-service': [
    'directory.users',
    'directory.groups',
    'identity.access',
    'offboarding.cases',
    'integration.settings',
  ],
  'deactivation-worker': ['directory.access', 'identity.accounts', 'integration.settings'],
  'auth-service': ['directory.access', 'identity.accounts', 'identity.access', 'integration.settings'],
  'integration-hub': [],
};

export const serviceUsers: readonly KafkaUser[] = (Object.keys(SERVICES) as ServiceName[]).map((name) => ({
  name,
  publishes: topics.filter((topic) => owners[topic] === name),
  consumes: CONSUMES[name],
}));

const subscriber = z
  .string()
  .regex(/^[a-z][a-z0-9-]*:/, 'each entry must be <subscriber>:<topic>+<topic>, the name in lower-case letters')
  .transform((entry) => entry.split(':'))
  .transform(([name = '', list = '']) => ({ name, publishes: [], consumes: list.split('+') }))
  .pipe(z.object({ name: z.string(), publishes: z.array(z.never()), consumes: z.array(z.enum(topics)) }));

export const KAFKA_SUBSCRIBERS: Setting<readonly KafkaUser[]> = {
  purpose:
    'Subscribers outside of the product that may read from Kafka, comma-separated: <subscriber>:<topic>+<topic>. Each uses the SASL user and the consumer groups with its name.',
  example: 'reports:identity.accounts+identity.access',
  schema: z
    .string()
    .prefault('')
    .transform((text) => text.split(',').filter((entry) => entry.trim() !== ''))
    .transform((entries) => entries.map((entry) => entry.trim()))
    .pipe(z.array(subscriber))
    .superRefine((subscribers, check) => {
      const message = conflictOf([...serviceUsers, ...subscribers]);
      if (message) check.addIssue({ code: 'custom', message });
    }),
};
