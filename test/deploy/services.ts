/** The deployed programs: the entry point of each, and the typed configuration that its environment must satisfy. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { optionalText, secret, url, type ConfigShape } from '#platform';
import { config as authService } from '../../apps/auth-service/src/config.js';
import { config as deactivationWorker } from '../../apps/deactivation-worker/src/config.js';
import { config as identityService } from '../../apps/identity-service/src/config.js';
import { config as integrationHub } from '../../apps/integration-hub/src/config.js';
import { config as provision } from '../../apps/provision/src/config.js';
import { gatewaySettings } from '../../apps/scim-gateway/src/config.js';

export interface Deployed {
  readonly entry: string;
  readonly config: ConfigShape;
}

export const SERVICES: Readonly<Record<string, Deployed>> = {
  'scim-gateway': { entry: 'apps/scim-gateway/src/main', config: gatewaySettings },
  'identity-service': { entry: 'apps/identity-service/src/main', config: identityService },
  'deactivation-worker': { entry: 'apps/deactivation-worker/src/main', config: deactivationWorker },
  'auth-service': { entry: 'apps/auth-service/src/main', config: authService },
  'integration-hub': { entry: 'apps/integration-hub/src/main', config: integrationHub },
};

export const JOBS: Readonly<Record<string, Deployed>> = {
  provision: { entry: 'apps/provision/src/main', config: provision },
};

/** The command line needs the internal API of every service. */
const cli: ConfigShape = {
  INTERNAL_API_CREDENTIAL: secret({
    purpose: 'Credential for the internal APIs.',
    example: 'cli.$(openssl rand -hex 32)',
  }),
  STACKFLOW_OPERATOR: optionalText({ purpose: 'The person who uses the command line.', example: 'jane' }),
  ...Object.fromEntries(
    Object.keys(SERVICES).map((name) => [
      `${name.replaceAll('-', '_').toUpperCase()}_URL`,
      url({ purpose: `Internal API of ${name}.`, example: `http://${name}:3000` }),
    ]),
  ),
};

/** Started by hand in a container of its own. */
export const COMMANDS: Readonly<Record<string, Deployed>> = {
  cli: { entry: 'apps/cli/src/main', config: cli },
};

/** The AWS SDK reads these itself. */
const FOREIGN = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];

/**
 * Sentences about the faults of an environment that a deployment file gives to a program. Values that are filled in
 * later (a secret, a variable of `.env`) are `undefined` here: they count as set and are not checked.
 */
export function environmentFaults(config: ConfigShape, environment: ReadonlyMap<string, string | undefined>): string[] {
  const unknown = [...environment.keys()].filter((name) => !(name in config) && !FOREIGN.includes(name));
  const missing = Object.entries(config).filter(
    ([name, { schema }]) => !environment.has(name) && !schema.safeParse(undefined).success,
  );
  const refused = Object.entries(config).flatMap(([name, { schema }]) => {
    const value = environment.get(name);
    const parsed = value === undefined ? undefined : schema.safeParse(value);
    return parsed && !parsed.success
      ? [`${name} is ${value}: ${parsed.error.issues.map((i) => i.message).join('; ')}`]
      : [];
  });
  return [
    ...unknown.map((name) => `${name} is not a setting of this program`),
    ...missing.map(([name]) => `${name} is required and not set`),
    ...refused,
    // Rules about several settings (checkBusConfig, createSigner).
    ...('ASSERTION_KMS_KEYS' in config && !environment.has('ASSERTION_KMS_KEYS')
      ? ['ASSERTION_KMS_KEYS is not set: keys in files are for development']
      : []),
    ...(environment.get('EVENT_CARRIER') === 'kafka' && !environment.has('KAFKA_BROKERS')
      ? ['KAFKA_BROKERS is not set although EVENT_CARRIER=kafka']
      : []),
  ];
}

export const ROOT = path.resolve(import.meta.dirname, '../..');
export const at = (...parts: string[]): string => path.join(ROOT, ...parts);
export const readYaml = (file: string): unknown => parse(readFileSync(at(file), 'utf8'), { merge: true });
