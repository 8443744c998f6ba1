/** The names of the fields are those of the product page and of Okta. */
import type { HubTenant, Json, OktaConnected, ScimTokenIssued, TenantChanged } from '#contracts';
import { fields, instant, table, type Field, type Screen, type Typed } from '#command-line';
import { warningSentence } from './sentences.js';

type Tenant = Json<HubTenant>;
const yesNo = (value: boolean): string => (value ? 'on' : 'off');

export function describeTenant(tenant: Tenant): string {
  const { settings, addresses } = tenant;
  const rows: Field[] = [
    ['Tenant', `${tenant.slug} (${tenant.id})`],
    ['Host', tenant.host ?? '(none)'],
    ['SCIM Connector Base URL', addresses.scimBaseUrl],
    ['SCIM Enabled', yesNo(settings.scimEnabled)],
    ['Group Sync', yesNo(settings.groupSync)],
    ['Deactivate on Offboard', yesNo(settings.deactivateOnOffboard)],
    ['SCIM Token', tokenState(settings.scimToken)],
    ['Roles', settings.roles.join(', ')],
    ['Brake', brakeText(settings.brake)],
    ['Okta', settings.okta ? `${settings.okta.domain}, app ${settings.okta.appId}` : 'not connected'],
    ['Event hook URL', addresses.eventHookUrl],
    ['Sign-in', settings.sso ? `${settings.sso.issuer}, client ${settings.sso.clientId}` : 'not connected'],
    ['Sign-in redirect URI', addresses.redirectUri ?? '(needs a host)'],
    ['Initiate login URI', addresses.loginUri ?? '(needs a host)'],
    ['Logout endpoint URL', addresses.universalLogoutUri ?? '(needs a host)'],
    ['Settings', `version ${tenant.version}, ${instant(tenant.changedAt)}, by ${tenant.changedBy}`],
  ];
  const mappings = settings.roleMappings.map(({ group, role }): Field => [
    'id' in group ? `id ${group.id}` : group.name,
    role,
  ]);
  const groups =
    mappings.length > 0
      ? fields([['Okta group', 'StackFlow role'], ...mappings], '  ')
      : '  No Okta group is mapped to a role.';
  return [fields(rows, '  '), groups].join('\n\n');
}

function brakeText(brake: Tenant['settings']['brake']): string {
  if (brake === null) return 'off';
  const { percent, atLeast, windowMinutes, holdHours, lastAdminHoldMinutes } = brake;
  return `${percent} % of the active accounts (at least ${atLeast} people) may lose access within ${windowMinutes} minutes; further losses are held for up to ${holdHours} hours, the loss of the last administrator for up to ${lastAdminHoldMinutes} minutes`;
}

function tokenState(token: Tenant['settings']['scimToken']): string {
  if (!token) return 'none yet';
  const previous = token.previousValidUntil
    ? `; the previous one is valid until ${instant(token.previousValidUntil)}`
    : '';
  return `issued ${instant(token.issuedAt)}${previous}`;
}

export const describeTenants = (screen: Screen, tenants: readonly Tenant[]): string =>
  table(screen, tenants, [
    { head: 'TENANT', cell: (t) => t.slug },
    { head: 'SCIM', cell: (t) => yesNo(t.settings.scimEnabled), colour: (t) => onOffColour(t.settings.scimEnabled) },
    { head: 'HOST', cell: (t) => t.host, shrink: 3 },
    { head: 'BRAKE', cell: (t) => yesNo(t.settings.brake !== null) },
    { head: 'OKTA', cell: (t) => t.settings.okta?.domain, shrink: 2 },
    { head: 'SIGN-IN', cell: (t) => yesNo(t.settings.sso !== null) },
    { head: 'CHANGED', cell: (t) => instant(t.changedAt), shrink: 4 },
    { head: 'ID', cell: (t) => t.id, shrink: 5 },
  ]);

const onOffColour = (on: boolean): 'green' | 'dim' => (on ? 'green' : 'dim');

export const warningText = (tenant: Tenant, typed: Typed): string | undefined =>
  tenant.warnings.length === 0
    ? undefined
    : tenant.warnings.map((warning) => `Warning: ${warningSentence(warning, tenant, typed)}`).join('\n');

/** Formats step 2 of the product page with the values of the tenant. No other text ever shows a SCIM token. */
export function describeToken({ tenant, scimToken }: Json<ScimTokenIssued>, typed: Typed): string {
  if (!scimToken) return '';
  const until = scimToken.previousValidUntil
    ? `\nThe previous token stays valid until ${instant(scimToken.previousValidUntil)}; enter the new one in Okta before then.`
    : '';
  const off = tenant.settings.scimEnabled
    ? ''
    : `\nSCIM provisioning is off for this tenant. Turn it on: ${typed(`tenants configure ${tenant.slug} --scim on`)}`;
  return `In Okta: Applications -> StackFlow -> Provisioning -> Integration:

${fields(
  [
    ['SCIM Connector Base URL', tenant.addresses.scimBaseUrl],
    ['Unique identifier field', 'userName'],
    ['Supported provisioning actions', 'Push New Users, Push Profile Updates, Push Groups, Deactivate Users'],
    ['Authentication Mode', 'HTTP Header'],
    ['Authorization: Bearer', scimToken.secret],
  ],
  '  ',
)}

Then Provisioning -> To App: enable Create Users, Update User Attributes and Deactivate Users.
The token is shown only now and cannot be shown again. Keep it until you have entered it in Okta.${until}${off}`;
}

export function describeChange({ tenant, changed }: Json<TenantChanged>): string {
  if (changed.length === 0)
    return `Nothing to change: "${tenant.slug}" already has these settings (version ${tenant.version}).`;
  return `Changed for "${tenant.slug}": ${changed.join(', ')} (settings version ${tenant.version}).`;
}

/** The Okta events that the event hook must subscribe to: events that SCIM does not push, or pushes late. */
const HOOK_EVENTS = [
  'user.lifecycle.suspend',
  'user.lifecycle.unsuspend',
  'user.lifecycle.deactivate',
  'user.lifecycle.activate',
  'user.lifecycle.reactivate',
  'user.lifecycle.delete.initiated',
  'application.user_membership.add',
  'application.user_membership.remove',
].join(', ');

/** Formats the result of `connect-okta`. No other text ever shows a secret of an event hook. */
export function describeOkta(result: Json<OktaConnected>, typed: Typed): string {
  const { tenant, hookSecret } = result;
  const until = hookSecret?.previousValidUntil
    ? `\nThe previous secret stays valid until ${instant(hookSecret.previousValidUntil)}; enter the new one in Okta before then.`
    : '';
  const secret = hookSecret
    ? `The secret is shown only now. Keep it until you have entered it in Okta.${until}`
    : 'The secret of the event hook has not changed. To issue a new one, use --rotate-hook-secret.';
  return `${describeChange(result)}

In Okta (https://${tenant.settings.okta?.domain ?? ''}): Workflow -> Event Hooks -> Create Event Hook:

${fields(
  [
    ['Endpoint URL', tenant.addresses.eventHookUrl],
    ['Authentication field', 'Authorization'],
    ['Authentication secret', hookSecret?.secret ?? '(as before)'],
    ['Subscribe to events', HOOK_EVENTS],
  ],
  '  ',
)}

${secret}
The API token is stored, but has not been used yet. The command "${typed(`accounts compare-okta --tenant ${tenant.slug}`)}" uses the token for the first time.
The command also ends the access of people who are not assigned to the app in Okta. Before you run the command, assign everybody who must keep access.`;
}

export const describeOktaGone = (result: Json<TenantChanged>): string =>
  `${result.changed.length === 0 ? `"${result.tenant.slug}" is not connected to Okta.` : describeChange(result)}
The API token and the event hook secret are deleted here. In Okta, delete the event hook and revoke the API token (Security -> API -> Tokens).`;

export function describeSso(result: Json<TenantChanged>): string {
  const { settings, addresses } = result.tenant;
  const { issuer = '', clientId = '' } = settings.sso ?? {};
  const none = '(the tenant needs its own host name)';
  return `${describeChange(result)}

In Okta (${URL.canParse(issuer) ? new URL(issuer).origin : issuer}): Applications -> the OIDC app ${clientId} -> General:

${fields(
  [
    ['Client authentication', 'Client secret'],
    ['Proof Key for Code Exchange', 'Require PKCE'],
    ['Grant type', 'Authorization Code'],
    ['Sign-in redirect URIs', addresses.redirectUri ?? none],
    ['Sign-out redirect URIs', addresses.postLogoutUri ?? none],
    ['Initiate login URI', addresses.loginUri ?? none],
    ['Logout endpoint URL (Universal Logout)', addresses.universalLogoutUri ?? none],
    ['Subject format', 'Issuer and Subject Identifier'],
  ],
  '  ',
)}

Okta compares the URIs character by character.${addresses.loginUri ? ` Then sign in: ${addresses.loginUri}` : ''}`;
}

export const describeSsoGone = (result: Json<TenantChanged>): string =>
  `${result.changed.length === 0 ? `"${result.tenant.slug}" has no sign-in through Okta.` : describeChange(result)}
The client secret is deleted here. Open sessions continue until they expire. In Okta, deactivate the OIDC app.`;
