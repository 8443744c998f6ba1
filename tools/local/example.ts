/** The example service of examples/. A local stack sends people there after sign-in; production uses StackFlow. */
import { followerGrantsSql } from '#event-bus';
import { provisionDatabase } from '#platform';
import type { Route } from './edge.js';
import { common, eventBus } from './services.js';
import { cognitoKeys, credential, type StackSetup, type UserPool } from './setup.js';

export const EXAMPLE = 'incident-service';
export const EXAMPLE_ROLE = 'incident_service';
export const EXAMPLE_ENTRY = `dist/examples/${EXAMPLE}/src/main.js`;

/** Gives the example, like any team's service, only its own schema and read access to the event log. Idempotent. */
export const prepareExample = (adminUrl: string, password: string): Promise<void> =>
  provisionDatabase(adminUrl, [{ role: EXAMPLE_ROLE, schema: 'incidents', password }], followerGrantsSql(EXAMPLE_ROLE));

export const exampleEnv = (s: StackSetup, pool: UserPool | null): NodeJS.ProcessEnv => ({
  ...common(s, EXAMPLE),
  ...eventBus(s),
  TOKEN_AUDIENCE: EXAMPLE,
  INTERNAL_API_CREDENTIAL: credential(s, EXAMPLE),
  ...(pool && {
    TOKEN_ISSUER: `https://cognito-idp.${pool.region}.amazonaws.com/${pool.userPoolId}`,
    TOKEN_CLIENT_IDS: pool.clientId,
    TOKEN_JWKS_URI: cognitoKeys(s, pool),
  }),
  DEACTIVATION_WORKER_URL: `http://localhost:${s.ports['deactivation-worker']}`,
});

/** Routes only the example's pages and its guarded API. `/health` and `/metrics` cannot be reached from outside. */
export function exampleRoutes(ports: Readonly<Record<string, number>>): Route[] {
  const route = { upstream: `http://127.0.0.1:${ports[EXAMPLE]}`, errors: 'problem' as const };
  return [
    { ...route, prefix: '/', exact: true },
    { ...route, prefix: '/desk' },
    { ...route, prefix: '/incidents' },
  ];
}
