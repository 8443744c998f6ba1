/**
 * Builds the AsyncAPI 3.0 document of all published events. Its channels are topics, and its messages are event types.
 * Bindings: https://github.com/asyncapi/bindings/tree/master/kafka (0.5.0).
 */
import { compactedTopics, topics, type EventType, type Topic } from './catalog.js';
import { jsonSchemas } from './json-schema.js';
import { sampleEvent } from './samples.js';

export const TOPIC_PARTITIONS = 12;
const KAFKA_BINDING = '0.5.0';

const TOPIC_DESCRIPTIONS: Readonly<Record<Topic, string>> = {
  'directory.users': 'Users as the identity provider pushed them, without their groups. Key: tenant and user.',
  'directory.access':
    'Which people may have access, and the identifiers by which the identity provider names them. Carries only changes of these. Compacted. Key: tenant and user.',
  'directory.groups':
    'Groups as the identity provider pushed them, and the users who joined or left. Key: tenant and group.',
  'identity.accounts': 'StackFlow accounts and the roles that follow from groups. Key: tenant and account.',
  'identity.access':
    'The current access of each account. Compacted: read it from its beginning to get every account. Key: tenant and account.',
  'offboarding.cases':
    'The progress of each offboarding case: when it was opened, held and released, and when each step was done. Key: tenant and account.',
  'integration.settings': "Each tenant's current settings, without secrets. Compacted. Key: the tenant id, twice.",
};

const text = (description: string, more: Readonly<Record<string, unknown>> = {}) => ({
  type: 'string',
  description,
  ...more,
});

const cloudEventsHeaders = {
  type: 'object',
  required: [
    'ce_specversion',
    'ce_id',
    'ce_type',
    'ce_source',
    'ce_subject',
    'ce_time',
    'ce_tenant',
    'ce_sequence',
    'ce_causationid',
    'content-type',
  ],
  properties: {
    ce_specversion: text('CloudEvents version', { const: '1.0' }),
    ce_id: text('UUIDv7, unique for ever; a redelivery has the same id', { format: 'uuid' }),
    ce_type: text(
      'Event type; its end, e.g. ".v1", is the version of its data. Within a version, the data changes only additively',
    ),
    ce_source: text('Publishing service, e.g. /stackflow/scim-gateway', { format: 'uri-reference' }),
    ce_subject: text('Id of the user, group, account or tenant that the event is about'),
    ce_time: text('Time of the change, not of its publication', { format: 'date-time' }),
    ce_tenant: text('Tenant id', { format: 'uuid' }),
    ce_sequence: text(
      'Version of the subject after the change, a decimal number that grows by one with each event of a key. Ignore an event if you have already handled an event of its key with this number or a higher one',
      { pattern: '^[1-9][0-9]*$' },
    ),
    ce_causationid: text('Cause of the change: a SCIM request, a settings version or a command'),
    ce_partitionkey: text('The record key: tenant:subject'),
    ce_traceparent: text('W3C trace context of the change'),
    'content-type': text('Media type of the value', { const: 'application/json' }),
  },
} as const;

const kafkaServer = {
  host: '{brokers}',
  protocol: 'kafka',
  description:
    'The Kafka cluster of an installation that uses the Kafka carrier. The operator tells the brokers, the SASL user, and the prefix of all topic and group names, if there is one. An installation with the Postgres carrier has the same events in the table bus.event_log.',
  variables: {
    brokers: { description: 'bootstrap brokers, host:port, comma-separated', examples: ['kafka-1:9092,kafka-2:9092'] },
  },
  security: [{ type: 'scramSha512', description: 'SASL/SCRAM-SHA-512, if the cluster requires authentication' }],
};

const shortName = (type: string): string => type.replace(/^com\.stackflow\./, '');
/** Component keys and `$ref` pointers must not contain dots or dashes. */
const componentName = (type: string): string =>
  shortName(type).replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase());

export function asyncapi(): Record<string, unknown> {
  const schemas = Object.entries(jsonSchemas()) as [EventType, { topic: Topic; schema: object }][];
  const typesOf = (topic: Topic): EventType[] => schemas.filter(([, s]) => s.topic === topic).map(([type]) => type);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'StackFlow identity events',
      version: '1.0.0',
      description:
        'All changes of users, groups, accounts, roles and access. Delivery is at least once and in order per key; each event carries the full state of its subject, except that changes of the members of a group are published as differences. Within a version (e.g. .v1) changes are additive; ignore properties and types that you do not know.',
    },
    defaultContentType: 'application/json',
    servers: { kafka: kafkaServer },
    channels: Object.fromEntries(topics.map((topic) => [topic, channel(topic, typesOf(topic))])),
    operations: Object.fromEntries(topics.map((topic) => [operationName(topic), operation(topic, typesOf(topic))])),
    components: {
      schemas: {
        cloudEventsHeaders,
        ...Object.fromEntries(schemas.map(([type, { schema }]) => [componentName(type), withoutDialect(schema)])),
      },
      messages: Object.fromEntries(schemas.map(([type]) => [componentName(type), message(type)])),
    },
  };
}

function channel(topic: Topic, types: readonly EventType[]) {
  return {
    address: topic,
    description: TOPIC_DESCRIPTIONS[topic],
    messages: Object.fromEntries(
      types.map((type) => [componentName(type), { $ref: `#/components/messages/${componentName(type)}` }]),
    ),
    bindings: {
      kafka: {
        topic,
        partitions: TOPIC_PARTITIONS,
        topicConfiguration: { 'cleanup.policy': [compactedTopics.includes(topic) ? 'compact' : 'delete'] },
        bindingVersion: KAFKA_BINDING,
      },
    },
  };
}

const operationName = (topic: Topic): string => `publish.${topic}`;

function operation(topic: Topic, types: readonly EventType[]) {
  return {
    action: 'send',
    channel: { $ref: `#/channels/${topic}` },
    messages: types.map((type) => ({ $ref: `#/channels/${topic}/messages/${componentName(type)}` })),
  };
}

function message(type: EventType) {
  const event = sampleEvent(type);
  return {
    name: type,
    title: shortName(type),
    contentType: 'application/json',
    headers: { $ref: '#/components/schemas/cloudEventsHeaders' },
    payload: { $ref: `#/components/schemas/${componentName(type)}` },
    bindings: { kafka: { key: text('tenant:subject', { examples: [event.key] }), bindingVersion: KAFKA_BINDING } },
    examples: [
      {
        headers: {
          ce_specversion: '1.0',
          ce_id: event.id,
          ce_type: type,
          ce_source: event.source,
          ce_subject: event.subject,
          ce_time: event.time,
          ce_tenant: event.tenant,
          ce_sequence: String(event.sequence),
          ce_causationid: event.causationid,
          ce_partitionkey: event.key,
          ce_traceparent: event.traceparent,
          'content-type': 'application/json',
        },
        payload: event.data,
      },
    ],
  };
}

/** Removes `$schema`, because AsyncAPI itself defines the dialect of JSON Schema. */
function withoutDialect(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== '$schema'));
}
