import { busSettings } from '#event-bus';
import { integer, optionalText, postgresUrl, secret, type ConfigShape, type Setting } from '#platform';
import { KAFKA_SUBSCRIBERS } from './kafka.js';
import { SERVICES, type ServiceName } from './provision.js';

export const NAMES = Object.keys(SERVICES) as ServiceName[];

/** E.g. `SCIM_GATEWAY_DB_PASSWORD` for `scim-gateway`. */
export const passwordVariable = (service: ServiceName): string =>
  `${service.replaceAll('-', '_').toUpperCase()}_DB_PASSWORD`;

const passwordSettings: Record<string, Setting<string>> = Object.fromEntries(
  NAMES.map((name) => [
    passwordVariable(name),
    secret({
      purpose: `Password of the database role ${SERVICES[name].role}. The DATABASE_URL of ${name} must contain the same password.`,
      example: '$(openssl rand -hex 24)',
      minLength: 8,
    }),
  ]),
);

export const ownSettings = {
  ADMIN_DATABASE_URL: postgresUrl({
    purpose: 'Address of Postgres, with a role that may create roles and schemas. No service uses this role.',
    example: 'postgres://postgres:secret@postgres:5432/stackflow',
  }),
  DATABASE_PATIENCE_SECONDS: integer({
    purpose: 'Seconds to wait for a database, or for brokers, that are still starting.',
    example: '120',
    default: 120,
    min: 0,
    max: 3600,
  }),
  KAFKA_BROKERS: busSettings.KAFKA_BROKERS,
  KAFKA_TOPIC_PREFIX: busSettings.KAFKA_TOPIC_PREFIX,
  KAFKA_SSL: busSettings.KAFKA_SSL,
  KAFKA_USERNAME: optionalText({
    purpose:
      'SASL/SCRAM-SHA-512 user of an administrator, who may create topics and access-control lists. No service uses it.',
    example: 'admin',
  }),
  KAFKA_PASSWORD: busSettings.KAFKA_PASSWORD,
  KAFKA_REPLICATION_FACTOR: busSettings.KAFKA_REPLICATION_FACTOR,
  EVENT_RETENTION_DAYS: busSettings.EVENT_RETENTION_DAYS,
  KAFKA_SUBSCRIBERS,
} satisfies ConfigShape;
export const config: ConfigShape = { ...ownSettings, ...passwordSettings };
