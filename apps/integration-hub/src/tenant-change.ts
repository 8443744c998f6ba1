/** A change of a tenant, and what is said when it cannot be made. */
import type { TenantSettings } from '#events';
import { Problem, violatedConstraint } from '#platform';
import { SecretStoreUnavailable } from '#secrets';
import {
  brakeOf,
  changeSettings,
  SettingsError,
  type ChangedSettings,
  type OktaSettings,
  type SettingsChange,
} from '#settings';
import { checkHost } from './tenant-rules.js';

export interface TenantChange extends SettingsChange {
  /** null takes the host name away. */
  readonly host?: string | null | undefined;
}

/** The settings after `change`, with the tenant's host; what is wrong with them becomes one problem. */
export function withChange(
  current: TenantSettings,
  { host, ...change }: TenantChange,
): { settings: TenantSettings; changed: readonly string[] } {
  const next = acceptable(
    { ...current, brake: brakeOf(current), okta: current.okta ?? null, sso: current.sso ?? null },
    change,
  );
  const newHost = host === undefined || host === null ? host : checkHost(host);
  const tenant = newHost === undefined ? current.tenant : { ...current.tenant, host: newHost };
  const changed = tenant.host === current.tenant.host ? next.changed : ['host', ...next.changed];
  return { settings: { ...current, ...next.settings, tenant }, changed };
}

function acceptable(current: OktaSettings, change: SettingsChange): ChangedSettings {
  try {
    return changeSettings(current, change);
  } catch (error) {
    if (error instanceof SettingsError) throw new Problem('invalid_request', error.faults.join('\n'));
    throw error;
  }
}

/** The client with its issuer: the named one, the one in force, or the org's own authorization server. */
export function ssoClient(
  { sso, okta }: TenantSettings,
  { clientId, issuer }: { readonly clientId: string; readonly issuer?: string | undefined },
): NonNullable<OktaSettings['sso']> {
  const known = issuer ?? sso?.issuer ?? (okta ? `https://${okta.domain}` : undefined);
  if (known !== undefined) return { issuer: known, clientId };
  throw new Problem(
    'invalid_request',
    'Which Okta org? Say --issuer https://your-org.okta.com, or connect the org first: npm run tenant -- connect-okta.',
  );
}

export function unknownTenant(slug: string): never {
  throw new Problem('not_found', `There is no tenant "${slug}". "npm run tenant -- list" shows those that exist.`);
}

export function hostTaken(error: unknown, host: string | null | undefined): never {
  if (violatedConstraint(error) === 'tenant_host_key')
    throw new Problem('conflict', `The host name ${host} belongs to another tenant.`);
  throw error;
}

export function noSecretStore(error: unknown, what: string): never {
  if (!(error instanceof SecretStoreUnavailable)) throw error;
  throw new Problem('unavailable', `${what}: ${error.message}. Repeat the command when the secret store answers.`, 5);
}
