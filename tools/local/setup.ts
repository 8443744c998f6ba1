/** Decisions before the first service of a stack starts, and addresses that follow from these decisions. */
import { HubClient, InternalClient } from '#contracts/clients';

export const SANDBOX = 'sandbox';

/** The name that is recorded as the author of every change that the launcher makes. */
export const LAUNCHER = 'npm start';

export interface StackSetup {
  /** Environment of the launcher. */
  readonly base: NodeJS.ProcessEnv;
  readonly edge: string;
  readonly databaseUrl: (service: string) => string;
  /** Secrets of the callers of the internal APIs. */
  readonly callers: Readonly<Record<string, string>>;
  readonly carrier: 'postgres' | 'kafka';
  readonly brokers: string | undefined;
  readonly region: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly signing: Signing;
}

/** Keys of auth-service. They are created once for a stack. */
export interface Signing {
  readonly assertionKeyFile: string;
  /** The public key, for the triggers that verify assertions. */
  readonly assertionJwks: string;
  readonly sessionKey: string;
}

/** The user pool and the app client with which a stack signs people in. */
export interface UserPool {
  readonly region: string;
  readonly userPoolId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

// An address in the launcher's environment replaces the sandbox's address.
const local = (s: StackSetup, part: string): string => `http://localhost:${s.ports[part]}`;
export const cognitoEndpoint = (s: StackSetup): string => s.base.COGNITO_ENDPOINT || local(s, 'cognito');
export const cognitoKeys = (s: StackSetup, { userPoolId }: UserPool): string =>
  `${cognitoEndpoint(s).replace(/\/$/, '')}/${userPoolId}/.well-known/jwks.json`;
export const secretsEndpoint = (s: StackSetup): string => s.base.SECRETS_MANAGER_ENDPOINT || local(s, 'secretsManager');
export const oktaEndpoint = (s: StackSetup): string => s.base.OKTA_ENDPOINT || local(s, 'okta');

/** The credential of a caller, as the caller sends it. */
export const credential = (s: StackSetup, caller: string): string => `${caller}.${s.callers[caller]}`;

/** Creates a client of a service's internal API. */
export const internalClient = (s: StackSetup, service: string): InternalClient =>
  new InternalClient({ service, url: local(s, service), token: credential(s, 'cli') });

export const hubClient = (s: StackSetup): HubClient => new HubClient(internalClient(s, 'integration-hub'));
