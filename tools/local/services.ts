/** The processes of a local stack, and what each is told. */
import type { Route } from './edge.js';
import { LocalProblem } from './postgres-files.js';
import type { UserPool } from './user-pool.js';

export const SANDBOX = 'sandbox';

/** Everything that was decided before the first service starts. */
export interface Surroundings {
  /** Environment of the launcher. */
  readonly base: NodeJS.ProcessEnv;
  readonly edge: string;
  readonly databaseUrl: (service: string) => string;
  readonly internalToken: string;
  readonly carrier: 'postgres' | 'kafka';
  readonly brokers: string | undefined;
  readonly region: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly signing: Signing;
}

/** What auth-service signs and seals with; made once for a stack. */
export interface Signing {
  readonly assertionKeyFile: string;
  /** Of that key, for the triggers that verify it. */
  readonly assertionJwks: string;
  readonly sessionKey: string;
}

/** The real parts that the environment names stand in for those of the sandbox. */
export const cognitoEndpoint = (s: Surroundings): string =>
  s.base.COGNITO_ENDPOINT || `http://localhost:${s.ports.cognito}`;
export const cognitoKeys = (s: Surroundings, { userPoolId }: UserPool): string =>
  `${cognitoEndpoint(s).replace(/\/$/, '')}/${userPoolId}/.well-known/jwks.json`;
export const secretsEndpoint = (s: Surroundings): string =>
  s.base.SECRETS_MANAGER_ENDPOINT || `http://localhost:${s.ports.secretsManager}`;

export const oktaEndpoint = (s: Surroundings): string => s.base.OKTA_ENDPOINT || `http://localhost:${s.ports.okta}`;

/** Names that this launcher gives each process itself; from its own environment they would mean something else. */
const OWN = ['PORT', 'HOST', 'DATABASE_URL', 'STACK_DIR', 'EVENT_CARRIER', 'KAFKA_BROKERS', 'NODE_CHANNEL_FD'];

export function common(s: Surroundings, service: string): NodeJS.ProcessEnv {
  const inherited = Object.fromEntries(
    Object.entries(s.base).filter(([name]) => !OWN.includes(name) && !name.startsWith('npm_')),
  );
  return {
    ...inherited,
    NODE_ENV: s.base.NODE_ENV ?? 'production',
    HOST: '127.0.0.1',
    PORT: String(s.ports[service]),
    DATABASE_URL: s.databaseUrl(service),
    INTERNAL_API_TOKEN: s.internalToken,
    AWS_REGION: s.region,
  };
}

function talksToAws(s: Surroundings): NodeJS.ProcessEnv {
  const real = s.base.COGNITO_ENDPOINT || s.base.SECRETS_MANAGER_ENDPOINT;
  return {
    COGNITO_ENDPOINT: cognitoEndpoint(s),
    SECRETS_MANAGER_ENDPOINT: secretsEndpoint(s),
    // The sandbox takes any key; a real part needs the ones of this machine, by the SDK's own chain.
    ...(!real && {
      AWS_ACCESS_KEY_ID: 'sandbox',
      AWS_SECRET_ACCESS_KEY: 'sandbox',
      AWS_SESSION_TOKEN: '',
      AWS_PROFILE: '',
    }),
  };
}

export const carries = (s: Surroundings): NodeJS.ProcessEnv => ({
  EVENT_CARRIER: s.carrier,
  KAFKA_BROKERS: s.brokers ?? '',
});

export const sandboxEnv = (s: Surroundings): NodeJS.ProcessEnv => ({
  ...common(s, SANDBOX),
  COGNITO_PORT: String(s.ports.cognito),
  SECRETS_MANAGER_PORT: String(s.ports.secretsManager),
  OKTA_PORT: String(s.ports.okta),
  // The issuer of its tokens, which a relying party compares character by character.
  SANDBOX_OKTA_ORIGIN: `http://localhost:${s.ports.okta}`,
  ASSERTION_JWKS: s.signing.assertionJwks,
});

/** An Okta of yours is asked at its own address, unless the environment says more. */
const issuerOverride = (s: Surroundings): string =>
  s.base.OKTA_ISSUER_OVERRIDE || (s.base.OKTA_ENDPOINT ? '' : oktaEndpoint(s));

/** Product services, in the order in which they are listed; the pool is known once the sandbox answers. */
export const PRODUCT: Readonly<Record<string, (s: Surroundings, pool: UserPool | null) => NodeJS.ProcessEnv>> = {
  'scim-gateway': (s) => ({ ...common(s, 'scim-gateway'), ...carries(s), ...talksToAws(s), PUBLIC_ORIGIN: s.edge }),
  'identity-service': (s, pool) => ({
    ...common(s, 'identity-service'),
    ...carries(s),
    ...talksToAws(s),
    COGNITO_USER_POOL_ID: pool?.userPoolId,
  }),
  'deactivation-worker': (s, pool) => ({
    ...common(s, 'deactivation-worker'),
    ...carries(s),
    ...talksToAws(s),
    COGNITO_USER_POOL_ID: pool?.userPoolId,
    OKTA_ENDPOINT: oktaEndpoint(s),
  }),
  'auth-service': (s, pool) => ({
    ...common(s, 'auth-service'),
    ...carries(s),
    ...talksToAws(s),
    COGNITO_USER_POOL_ID: pool?.userPoolId,
    COGNITO_CLIENT_ID: pool?.clientId,
    COGNITO_CLIENT_SECRET: pool?.clientSecret,
    ASSERTION_KEY_FILES: s.signing.assertionKeyFile,
    SESSION_KEYS: s.signing.sessionKey,
    PUBLIC_ORIGIN: s.edge,
    OKTA_ISSUER_OVERRIDE: issuerOverride(s),
    DEACTIVATION_WORKER_URL: `http://127.0.0.1:${s.ports['deactivation-worker']}`,
  }),
};

/** Those that cannot start before the user pool is known. */
export const NEEDS_USER_POOL: readonly string[] = ['identity-service', 'deactivation-worker', 'auth-service'];

/** What Okta and browsers call; an ingress in production forwards the same (k8s/overlays/example/ingress.yaml). */
export function edgeRoutes(ports: Readonly<Record<string, number>>): Route[] {
  const upstream = (service: string): string => `http://127.0.0.1:${ports[service]}`;
  return [
    { prefix: '/prod/api/scim/v2', upstream: upstream('scim-gateway'), errors: 'scim' },
    { prefix: '/scim/v2', upstream: upstream('scim-gateway'), errors: 'scim' },
    // The first that covers a path has it: everything else below /auth is auth-service's.
    { prefix: '/auth/okta/event-hook', upstream: upstream('deactivation-worker'), errors: 'problem' },
    { prefix: '/auth', upstream: upstream('auth-service'), errors: 'problem' },
  ];
}

/** What the tenant command of integration-hub gets. */
export const hubEnv = (s: Surroundings): NodeJS.ProcessEnv => ({
  ...common(s, 'integration-hub'),
  ...carries(s),
  ...talksToAws(s),
  PUBLIC_URL: s.edge,
  LOG_LEVEL: 'silent',
});

export function checkEnvironment(env: NodeJS.ProcessEnv): { carrier: 'postgres' | 'kafka'; port: number } {
  const faults: string[] = [];
  const carrier = env.EVENT_CARRIER || 'postgres';
  if (carrier !== 'postgres' && carrier !== 'kafka')
    faults.push(`EVENT_CARRIER is "${carrier}"; it may be postgres or kafka.`);
  const port = Number(env.PORT || 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    faults.push(`PORT is "${env.PORT}"; it must be a port number, for example 8080.`);
  if (env.DATABASE_URL && !/^postgres(ql)?:\/\//.test(env.DATABASE_URL))
    faults.push('DATABASE_URL must be a postgres:// URL of a role that may create roles and schemas.');
  for (const name of ['COGNITO_ENDPOINT', 'SECRETS_MANAGER_ENDPOINT', 'OKTA_ENDPOINT', 'OKTA_ISSUER_OVERRIDE']) {
    const value = env[name];
    if (value && !URL.canParse(value)) faults.push(`${name} is "${value}"; it must be a URL.`);
  }
  const pool = [env.COGNITO_USER_POOL_ID, env.COGNITO_CLIENT_ID, env.COGNITO_CLIENT_SECRET, env.AWS_REGION];
  if (env.COGNITO_ENDPOINT && !pool.every(Boolean)) {
    faults.push(
      'COGNITO_ENDPOINT names a Cognito of yours, so COGNITO_USER_POOL_ID, AWS_REGION, COGNITO_CLIENT_ID and COGNITO_CLIENT_SECRET must say which user pool and which app client it is.',
    );
  }
  if (faults.length > 0)
    throw new LocalProblem(
      `The environment has ${faults.length} fault(s):\n${faults.map((f) => `  - ${f}`).join('\n')}`,
    );
  return { carrier: carrier as 'postgres' | 'kafka', port };
}
