/**
 * Prepares one Postgres database for the whole product: a role and a schema for each service, the shared event log and
 * the shared Cognito quotas. Running it again changes nothing. It needs an administrator role, which no service has.
 */
import { provisionDatabase, type ServiceRole } from '#platform';
import { eventLogSql } from '#event-bus';
import { quotaSql } from '#cognito';

export const SERVICES = {
  'scim-gateway': { role: 'scim_gateway', schema: 'directory' },
  'identity-service': { role: 'identity_service', schema: 'identity' },
  'deactivation-worker': { role: 'deactivation_worker', schema: 'offboarding' },
  'auth-service': { role: 'auth_service', schema: 'auth' },
  'integration-hub': { role: 'integration_hub', schema: 'hub' },
} as const;
export type ServiceName = keyof typeof SERVICES;

/** The services that call Cognito. Together they must stay within its quotas. */
const COGNITO_CALLERS: readonly ServiceName[] = ['identity-service', 'deactivation-worker', 'auth-service'];

export async function provision(
  adminUrl: string,
  passwords: Readonly<Record<ServiceName, string>>,
  extra: readonly ServiceRole[] = [],
): Promise<void> {
  const names = Object.keys(SERVICES) as ServiceName[];
  const roles = names.map((name) => ({ ...SERVICES[name], password: passwords[name] }));
  await provisionDatabase(
    adminUrl,
    [...roles, ...extra],
    [
      ...eventLogSql(Object.fromEntries(names.map((n) => [n, SERVICES[n].role]))),
      ...quotaSql(COGNITO_CALLERS.map((n) => SERVICES[n].role)),
    ],
  );
}
