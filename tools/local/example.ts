/** The example service of examples/: where a sign-in lands in a local stack, as in production the StackFlow application. */
import { followerGrantsSql } from '#event-bus';
import { provisionDatabase } from '#platform';
import type { Route } from './edge.js';
import { carries, cognitoKeys, common, type Surroundings } from './services.js';
import type { UserPool } from './user-pool.js';

export const EXAMPLE = 'incident-service';
export const EXAMPLE_ROLE = 'incident_service';
export const EXAMPLE_ENTRY = `dist/examples/${EXAMPLE}/src/main.js`;

/** Idempotent. A team's service gets no more than this: a schema of its own, and the event log to read. */
export const prepareExample = (adminUrl: string, password: string): Promise<void> =>
  provisionDatabase(adminUrl, [{ role: EXAMPLE_ROLE, schema: 'incidents', password }], followerGrantsSql(EXAMPLE_ROLE));

export const exampleEnv = (s: Surroundings, pool: UserPool | null): NodeJS.ProcessEnv => ({
  ...common(s, EXAMPLE),
  ...carries(s),
  ...(pool && {
    TOKEN_ISSUER: `https://cognito-idp.${pool.region}.amazonaws.com/${pool.userPoolId}`,
    TOKEN_CLIENT_IDS: pool.clientId,
    TOKEN_JWKS_URI: cognitoKeys(s, pool),
  }),
  DEACTIVATION_WORKER_URL: `http://localhost:${s.ports['deactivation-worker']}`,
});

/** Its pages and its guarded API; `/health` and `/metrics` stay inside as those of every service. */
export function exampleRoutes(ports: Readonly<Record<string, number>>): Route[] {
  const route = { upstream: `http://127.0.0.1:${ports[EXAMPLE]}`, errors: 'problem' as const };
  return [
    { ...route, prefix: '/', exact: true },
    { ...route, prefix: '/desk' },
    { ...route, prefix: '/incidents' },
  ];
}
