/** What the provisioning job needs: the administrator's door, and the password that each service's role gets. */
import { integer, postgresUrl, secret, type ConfigShape, type Setting } from '#platform';
import { SERVICES, type ServiceName } from './provision.js';

export const NAMES = Object.keys(SERVICES) as ServiceName[];

/** `scim-gateway` -> `SCIM_GATEWAY_DB_PASSWORD`. */
export const passwordVariable = (service: ServiceName): string =>
  `${service.replaceAll('-', '_').toUpperCase()}_DB_PASSWORD`;

const passwordSettings: Record<string, Setting<string>> = Object.fromEntries(
  NAMES.map((name) => [
    passwordVariable(name),
    secret({
      purpose: `Password that the database role ${SERVICES[name].role} gets; the same as in the DATABASE_URL of ${name}.`,
      example: '$(openssl rand -hex 24)',
      minLength: 8,
    }),
  ]),
);

export const ownSettings = {
  ADMIN_DATABASE_URL: postgresUrl({
    purpose: 'Postgres, with a role that may create roles and schemas; no service gets it.',
    example: 'postgres://postgres:secret@postgres:5432/stackflow',
  }),
  DATABASE_PATIENCE_SECONDS: integer({
    purpose: 'How long to wait for a database that is still starting.',
    example: '120',
    default: 120,
    min: 0,
    max: 3600,
  }),
} satisfies ConfigShape;
export const config: ConfigShape = { ...ownSettings, ...passwordSettings };
