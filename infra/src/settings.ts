/**
 * Reads the settings that an operator passes as `-c name=value`. It reports all faults together, before CDK synthesizes
 * anything.
 */
import fs from 'node:fs';
import path from 'node:path';

export interface Settings {
  readonly stackName: string;
  readonly account: string | undefined;
  readonly region: string | undefined;
  /** Folder with one bundled Lambda handler per subfolder, as `npm run build:triggers` writes it. */
  readonly triggers: string;
  /** JWKS of the keys that sign assertions, as auth-service prints it. Without a key nobody can sign in. */
  readonly assertionJwks: string;
  /** The roles, highest precedence first. */
  readonly roles: readonly string[];
  readonly accessTokenMinutes: number;
}

export const DEFAULT_ROLES = ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'];
const NO_KEYS = '{"keys":[]}';

export class SettingsFault extends Error {}

export function settingsFrom(context: (name: string) => unknown): Settings {
  const faults: string[] = [];
  const text = (name: string): string | undefined => {
    const value = context(name);
    if (value === undefined || value === '') return undefined;
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    faults.push(`${name} must be a text.`);
    return undefined;
  };
  const triggers = path.resolve(text('triggers') ?? path.join(import.meta.dirname, '../../dist/triggers'));
  const missing = TRIGGERS.filter((name) => !fs.existsSync(path.join(triggers, name, 'index.mjs')));
  if (missing.length > 0)
    faults.push(
      `${triggers} has no bundle of ${missing.join(', ')}; run "npm run build:triggers" in the repository first.`,
    );
  const minutes = Number(text('accessTokenMinutes') ?? 10);
  if (!Number.isInteger(minutes) || minutes < 5 || minutes > 60)
    faults.push(
      'accessTokenMinutes must be a whole number from 5 to 60. A service that checks only the signature accepts a revoked token for this long.',
    );
  const roles = (text('roles') ?? DEFAULT_ROLES.join(',')).split(',').map((role) => role.trim());
  if (roles.some((role) => !/^[a-z][a-z0-9_]*$/.test(role)))
    faults.push('roles must be names of lower-case letters, digits and underscores, separated by commas.');
  const assertionJwks = jwks(text('assertionJwksFile'), faults);
  if (faults.length > 0)
    throw new SettingsFault(
      `The settings have ${faults.length} fault(s):\n${faults.map((f) => `  - ${f}`).join('\n')}`,
    );
  return {
    stackName: text('stackName') ?? 'StackFlowUserPool',
    account: text('account'),
    region: text('region'),
    triggers,
    assertionJwks,
    roles,
    accessTokenMinutes: minutes,
  };
}

/** The folder names of the bundles. */
export const TRIGGERS = [
  'define-auth-challenge',
  'create-auth-challenge',
  'verify-auth-challenge-response',
  'pre-token-generation',
] as const;
export type Trigger = (typeof TRIGGERS)[number];

/**
 * Reads the JWKS. Only public P-256 keys are accepted, because everybody who may list a Lambda function can read its
 * environment.
 */
function jwks(file: string | undefined, faults: string[]): string {
  if (file === undefined) return NO_KEYS;
  try {
    const { keys } = JSON.parse(fs.readFileSync(file, 'utf8')) as { keys: Record<string, unknown>[] };
    if (keys.length < 1 || keys.length > 2) faults.push(`${file} must contain one key, or two during a rotation.`);
    for (const key of keys) {
      if ('d' in key) faults.push(`${file} contains a private key. Use the public JWKS that auth-service prints.`);
      if (key.kty !== 'EC' || key.crv !== 'P-256' || typeof key.kid !== 'string')
        faults.push(`${file} contains a key that is no P-256 key with a kid.`);
    }
    return JSON.stringify({ keys });
  } catch (error) {
    faults.push(`assertionJwksFile ${file} cannot be read as a JWKS: ${(error as Error).message}`);
    return NO_KEYS;
  }
}
