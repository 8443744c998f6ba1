/**
 * The example service in the test's process, as another team would run it: with a database role that may only read the
 * log.
 */
import { followerGrantsSql, subscriberService } from '#event-bus';
import { provisionDatabase } from '#platform';
import { subscriber } from '../../examples/incident-service/src/subscriber.js';
import { TEST_PASSWORD } from './database.js';
import { startInProcess, type InProcess } from './in-process.js';
import { INTERNAL_API_CALLERS } from './internal-api.js';

const ROLE = 'incident_service';

/** `adminUrl`: superuser of the database with the event log. Resolves before the service is ready. */
export async function startExample(
  adminUrl: string,
  environment: Readonly<Record<string, string>>,
): Promise<InProcess> {
  const role = { role: ROLE, schema: 'incidents', password: TEST_PASSWORD };
  await provisionDatabase(adminUrl, [role], followerGrantsSql(ROLE));
  const url = new URL(adminUrl);
  url.username = ROLE;
  url.password = TEST_PASSWORD;
  return startInProcess(subscriberService(subscriber), {
    DATABASE_URL: url.href,
    INTERNAL_API_CALLERS,
    ...environment,
  });
}
