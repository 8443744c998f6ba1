/** The environment of each product service in a local stack, and the routes of the edge. */
import { acceptedCaller } from '#platform';
import type { Scope } from '#contracts';
import type { Route } from './edge.js';
import {
  cognitoEndpoint,
  credential,
  oktaEndpoint,
  SANDBOX,
  secretsEndpoint,
  type StackSetup,
  type UserPool,
} from './setup.js';

/** Variables that the launcher sets for each process. Inherited values would be the launcher's own. */
const OWN = ['PORT', 'HOST', 'DATABASE_URL', 'STACK_DIR', 'EVENT_CARRIER', 'KAFKA_BROKERS', 'NODE_CHANNEL_FD'];

/** The callers, with their scopes. Every service accepts the command line. The launcher acts as the command line. */
const CALLERS: Readonly<Record<string, { readonly scopes: readonly Scope[]; readonly at?: string }>> = {
  cli: { scopes: ['read', 'operate', 'events'] },
  'identity-service': { scopes: ['members'], at: 'scim-gateway' },
  'auth-service': { scopes: ['sign-out'], at: 'deactivation-worker' },
  'incident-service': { scopes: ['report-refusals'], at: 'deactivation-worker' },
};
export const CALLER_NAMES: readonly string[] = Object.keys(CALLERS);

const acceptedCallers = (s: StackSetup, service: string): string =>
  Object.entries(CALLERS)
    .filter(([, { at = service }]) => at === service)
    .map(([name, { scopes }]) => acceptedCaller(name, scopes, s.callers[name] ?? ''))
    .join(',');

export function common(s: StackSetup, service: string): NodeJS.ProcessEnv {
  const inherited = Object.fromEntries(
    Object.entries(s.base).filter(([name]) => !OWN.includes(name) && !name.startsWith('npm_')),
  );
  return {
    ...inherited,
    NODE_ENV: s.base.NODE_ENV ?? 'production',
    ALLOW_DEVELOPMENT_SETTINGS: 'true',
    HOST: '127.0.0.1',
    PORT: String(s.ports[service]),
    DATABASE_URL: s.databaseUrl(service),
    INTERNAL_API_CALLERS: acceptedCallers(s, service),
    AWS_REGION: s.region,
  };
}

/** Returns the environment of a service that uses the event bus and AWS. */
function product(s: StackSetup, service: string, pool: UserPool | null, more: NodeJS.ProcessEnv = {}) {
  const real = s.base.COGNITO_ENDPOINT || s.base.SECRETS_MANAGER_ENDPOINT;
  return {
    ...common(s, service),
    ...eventBus(s),
    COGNITO_ENDPOINT: cognitoEndpoint(s),
    SECRETS_MANAGER_ENDPOINT: secretsEndpoint(s),
    // The sandbox accepts any key. For AWS itself, the SDK finds the keys of this machine in its usual places.
    ...(!real && {
      AWS_ACCESS_KEY_ID: 'sandbox',
      AWS_SECRET_ACCESS_KEY: 'sandbox',
      AWS_SESSION_TOKEN: '',
      AWS_PROFILE: '',
    }),
    ...(pool && { COGNITO_USER_POOL_ID: pool.userPoolId }),
    ...more,
  };
}

export const eventBus = (s: StackSetup): NodeJS.ProcessEnv => ({
  EVENT_CARRIER: s.carrier,
  KAFKA_BROKERS: s.brokers ?? '',
});

export const sandboxEnv = (s: StackSetup): NodeJS.ProcessEnv => ({
  ...common(s, SANDBOX),
  COGNITO_PORT: String(s.ports.cognito),
  SECRETS_MANAGER_PORT: String(s.ports.secretsManager),
  OKTA_PORT: String(s.ports.okta),
  // The issuer of the sandbox Okta's tokens. A relying party compares it character by character.
  SANDBOX_OKTA_ORIGIN: `http://localhost:${s.ports.okta}`,
  ASSERTION_JWKS: s.signing.assertionJwks,
});

/** A real Okta's issuer is its own address, unless the environment overrides it. The sandbox needs an override. */
const issuerOverride = (s: StackSetup): string =>
  s.base.OKTA_ISSUER_OVERRIDE || (s.base.OKTA_ENDPOINT ? '' : oktaEndpoint(s));

/** Environment of each service. The order is the order of lists. The pool is null until the sandbox answers. */
export const PRODUCT: Readonly<Record<string, (s: StackSetup, pool: UserPool | null) => NodeJS.ProcessEnv>> = {
  'scim-gateway': (s) => product(s, 'scim-gateway', null, { PUBLIC_ORIGIN: s.edge }),
  'identity-service': (s, pool) =>
    product(s, 'identity-service', pool, {
      SCIM_GATEWAY_URL: `http://127.0.0.1:${s.ports['scim-gateway']}`,
      INTERNAL_API_CREDENTIAL: credential(s, 'identity-service'),
    }),
  'deactivation-worker': (s, pool) => product(s, 'deactivation-worker', pool, { OKTA_ENDPOINT: oktaEndpoint(s) }),
  'auth-service': (s, pool) =>
    product(s, 'auth-service', pool, {
      COGNITO_CLIENT_ID: pool?.clientId,
      COGNITO_CLIENT_SECRET: pool?.clientSecret,
      ASSERTION_KEY_FILES: s.signing.assertionKeyFile,
      SESSION_KEYS: s.signing.sessionKey,
      PUBLIC_ORIGIN: s.edge,
      OKTA_ISSUER_OVERRIDE: issuerOverride(s),
      INTERNAL_API_CREDENTIAL: credential(s, 'auth-service'),
      DEACTIVATION_WORKER_URL: `http://127.0.0.1:${s.ports['deactivation-worker']}`,
    }),
  'integration-hub': (s) => product(s, 'integration-hub', null, { PUBLIC_ORIGIN: s.edge }),
};

/** The paths that Okta and browsers call, as forwarded in production by k8s/overlays/example/ingress.yaml. */
export function edgeRoutes(ports: Readonly<Record<string, number>>): Route[] {
  const upstream = (service: string): string => `http://127.0.0.1:${ports[service]}`;
  return [
    { prefix: '/prod/api/scim/v2', upstream: upstream('scim-gateway'), errors: 'scim' },
    { prefix: '/scim/v2', upstream: upstream('scim-gateway'), errors: 'scim' },
    // The first route that covers a path wins. All other paths below /auth belong to auth-service.
    { prefix: '/auth/okta/event-hook', upstream: upstream('deactivation-worker'), errors: 'problem' },
    { prefix: '/auth', upstream: upstream('auth-service'), errors: 'problem' },
  ];
}
