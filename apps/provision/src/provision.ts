/**
 * Prepares one Postgres database for the whole product: roles, schemas and tables of each service, the shared event log
 * and the shared Cognito quotas. Running it again changes nothing. It needs an administrator role, which no service has.
 */
import { provisionDatabase, type ServiceRole } from '#platform';
import { eventLogSql } from '#event-bus';
import { quotaSql } from '#cognito';
import { migrate, ownerOf, SERVICES, type ServiceName } from './schemas.js';

export { SERVICES, type ServiceName } from './schemas.js';

/** The services that call Cognito. Together they must stay within its quotas. */
const COGNITO_CALLERS: readonly ServiceName[] = ['identity-service', 'deactivation-worker', 'auth-service'];

export async function provision(
  adminUrl: string,
  passwords: Readonly<Record<ServiceName, string>>,
  extra: readonly ServiceRole[] = [],
): Promise<void> {
  const names = Object.keys(SERVICES) as ServiceName[];
  const roles = names.map((name) => {
    const { role, schema } = SERVICES[name];
    return { role, schema, owner: ownerOf(role), password: passwords[name] };
  });
  await provisionDatabase(
    adminUrl,
    [...roles, ...extra],
    [
      ...eventLogSql(Object.fromEntries(names.map((n) => [n, SERVICES[n].role]))),
      ...quotaSql(COGNITO_CALLERS.map((n) => SERVICES[n].role)),
    ],
  );
  for (const name of names) await migrate(adminUrl, name);
}
