/** What the command line says, in the words of the product page, so that an administrator finds the fields in Okta. */
import type { TenantSettings } from '#events';
import { brakeOf } from '#settings';
import { eventHookUrl, origin, signInUrls } from './addresses.js';
import type { ConnectResult, TenantResult } from './tenants.js';
import type { Tenant } from './tenant.sql.js';

const SCIM_PATH = '/prod/api/scim/v2';

export const scimBaseUrl = (tenant: Tenant, publicUrl: string | undefined): string =>
  `${origin(tenant, publicUrl)}${SCIM_PATH}`;

const yesNo = (value: boolean): string => (value ? 'on' : 'off');

export const fields = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...rows.map(([name]) => name.length)) + 3;
  return rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`).join('\n');
};

const groupText = (group: TenantSettings['roleMappings'][number]['group']): string =>
  'id' in group ? `id ${group.id}` : group.name;

export function describeTenant(tenant: Tenant, publicUrl: string | undefined): string {
  const { settings } = tenant;
  const head = fields([
    ['Tenant', `${tenant.slug} (${tenant.id})`],
    ['Host', tenant.host ?? '(none of its own)'],
    ['SCIM Connector Base URL', scimBaseUrl(tenant, publicUrl)],
    ['SCIM Enabled', yesNo(settings.scimEnabled)],
    ['Group Sync', yesNo(settings.groupSync)],
    ['Deactivate on Offboard', yesNo(settings.deactivateOnOffboard)],
    ['SCIM Token', tokenState(settings.scimToken)],
    ['Roles', settings.roles.join(', ')],
    ['Brake', brakeText(settings)],
    ['Okta', settings.okta ? `${settings.okta.domain}, app ${settings.okta.appId}` : 'not connected'],
    ['Sign-in', settings.sso ? `${settings.sso.issuer}, client ${settings.sso.clientId}` : 'not connected'],
    ['Settings', `version ${tenant.version}, ${tenant.changedAt.toISOString()}, by ${tenant.changedBy}`],
  ]);
  const mappings = settings.roleMappings.map(({ group, role }) => [groupText(group), role] as const);
  return `${head}\n\n${mappings.length > 0 ? `${fields([['Okta group', 'StackFlow role'], ...mappings])}` : '  No Okta group is mapped to a role.'}`;
}

function brakeText(settings: TenantSettings): string {
  const brake = brakeOf(settings);
  if (brake === null) return 'off';
  const { percent, atLeast, windowMinutes, holdHours } = brake;
  return `holds losses of access beyond ${percent} % (at least ${atLeast}) within ${windowMinutes} minutes, for up to ${holdHours} hours`;
}

function tokenState(token: TenantSettings['scimToken']): string {
  if (!token) return 'none yet';
  return `issued ${token.issuedAt}${token.previousValidUntil ? `; the one before is valid until ${token.previousValidUntil}` : ''}`;
}

export function describeList(tenants: readonly Tenant[]): string {
  if (tenants.length === 0) return 'There is no tenant yet. Create one: npm run tenant -- create <name>';
  const rows = tenants.map(
    (t) =>
      [
        t.slug,
        [`SCIM ${yesNo(t.settings.scimEnabled).padEnd(3)}`, t.host ?? '-', ...summary(t), t.id].join('  '),
      ] as const,
  );
  return fields(rows);
}

const summary = ({ settings }: Tenant): string[] => [
  `brake ${yesNo(brakeOf(settings) !== null)}`,
  `Okta ${settings.okta?.domain ?? '-'}`,
  `sign-in ${yesNo(Boolean(settings.sso))}`,
];

/** Step 2 of the product page, filled in. The only place that ever prints a token. */
export function describeToken(result: TenantResult, publicUrl: string | undefined): string {
  const { tenant, token } = result;
  if (!token) return '';
  const until = token.previousValidUntil
    ? `\nThe token before this one stays valid until ${token.previousValidUntil.toISOString()}: enter the new one in Okta before then.`
    : '';
  const off = tenant.settings.scimEnabled
    ? ''
    : `\nSCIM provisioning is off for this tenant. Turn it on: npm run tenant -- configure ${tenant.slug} --scim on`;
  return `In Okta: Applications -> StackFlow -> Provisioning -> Integration:

${fields([
  ['SCIM Connector Base URL', scimBaseUrl(tenant, publicUrl)],
  ['Unique identifier field', 'userName'],
  ['Supported provisioning actions', 'Push New Users, Push Profile Updates, Push Groups, Deactivate Users'],
  ['Authentication Mode', 'HTTP Header'],
  ['Authorization: Bearer', token.token],
])}

Then Provisioning -> To App: enable Create Users, Update User Attributes and Deactivate Users.
The token is shown only now and stored nowhere; keep it until it stands in Okta.${until}${off}`;
}

export function describeChange(result: TenantResult): string {
  const { tenant, changed } = result;
  if (changed.length === 0)
    return `Nothing to change: "${tenant.slug}" has these settings already (version ${tenant.version}).`;
  return `Changed for "${tenant.slug}": ${changed.join(', ')} (settings version ${tenant.version}).`;
}

export const NOT_PUBLISHED =
  'The change is stored, but the event carrier did not take its event in time. It will be published by the next call of this command or when the service starts; until then the other services do not know of it.';

/** `--json`: one object for programs. */
export function asJson(
  result: Omit<TenantResult, 'changed' | 'published'> & Partial<TenantResult>,
  publicUrl: string | undefined,
  hook?: ConnectResult['hook'],
): string {
  const { tenant, token, changed, published } = result;
  return JSON.stringify({
    tenant: { id: tenant.id, slug: tenant.slug, host: tenant.host },
    version: tenant.version,
    settings: tenant.settings,
    scimBaseUrl: scimBaseUrl(tenant, publicUrl),
    ...(token && { scimToken: token.token, previousValidUntil: token.previousValidUntil }),
    ...(tenant.settings.okta && { eventHookUrl: eventHookUrl(tenant, publicUrl) }),
    ...(tenant.settings.sso && signInUrls(tenant, publicUrl)),
    ...(hook?.hookSecret && { eventHookSecret: hook.hookSecret, previousValidUntil: hook.previousValidUntil }),
    ...(changed && { changed }),
    ...(published !== undefined && { published }),
  });
}
