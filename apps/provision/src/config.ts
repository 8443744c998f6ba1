import { integer, postgresUrl, secret, type ConfigShape, type Setting } from '#platform';
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
    purpose: 'Seconds to wait for a database that is still starting.',
    example: '120',
    default: 120,
    min: 0,
    max: 3600,
  }),
} satisfies ConfigShape;
export const config: ConfigShape = { ...ownSettings, ...passwordSettings };
