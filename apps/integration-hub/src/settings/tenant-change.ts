import type { TenantSettings } from '#events';
import { Problem } from '#platform';
import { brakeOf, changeSettings, SettingsError, type OktaSettings, type SettingsChange } from '#settings';
import { checkHost } from './refusals.js';

export interface TenantChange extends SettingsChange {
  /** The new host name; null removes the current host name. */
  readonly host?: string | null | undefined;
}

export interface ChangedTenant {
  readonly settings: TenantSettings;
  /** Names of the settings that changed; empty means that nothing changed. */
  readonly changed: readonly string[];
}

/** Returns the settings after `change`. All faults of the change are reported in one problem. */
export function withChange(current: TenantSettings, { host, ...change }: TenantChange): ChangedTenant {
  const next = acceptable(
    { ...current, brake: brakeOf(current), okta: current.okta ?? null, sso: current.sso ?? null },
    change,
  );
  const newHost = typeof host === 'string' ? checkHost(host) : host;
  const tenant = newHost === undefined ? current.tenant : { ...current.tenant, host: newHost };
  const changed = tenant.host === current.tenant.host ? next.changed : ['host', ...next.changed];
  return { settings: { ...current, ...next.settings, tenant }, changed };
}

function acceptable(current: OktaSettings, change: SettingsChange): ReturnType<typeof changeSettings> {
  try {
    return changeSettings(current, change);
  } catch (error) {
    if (error instanceof SettingsError) throw new Problem('settings_invalid', error.faults.join('\n'));
    throw error;
  }
}

/** Returns the OIDC client with the given issuer, or else the current one, or else the org's authorization server. */
export function ssoClient(
  { tenant, sso, okta }: TenantSettings,
  { clientId, issuer }: { readonly clientId: string; readonly issuer?: string | undefined },
): NonNullable<OktaSettings['sso']> {
  const known = issuer ?? sso?.issuer ?? (okta ? `https://${okta.domain}` : undefined);
  if (known !== undefined) return { issuer: known.trim(), clientId: clientId.trim() };
  throw new Problem(
    'issuer_missing',
    'The Okta org is unknown. Give its issuer, for example https://your-org.okta.com, or connect the org first.',
    undefined,
    { tenant: tenant.slug },
  );
}
