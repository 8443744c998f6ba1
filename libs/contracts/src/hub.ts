/** integration-hub's internal API `/internal/hub/tenants`. A path names the tenant by its slug. */
import { Flag, Instant, Measure, Nested, NestedList, OneOf, Shape, Text, TextList, Uuid, Whole } from './fields.js';

export class TenantSlugPath {
  @Text({ description: 'Short name of the tenant.', example: 'acme' }) slug!: string;
}

/** Names a group by its display name or by its SCIM id, never by both. */
export type GroupReference = { readonly id: string } | { readonly name: string };

class GroupReferenceFields {
  @Text({ optional: true, min: 0, max: 1_000, description: 'SCIM id.' }) id?: string;

  @Text({ optional: true, min: 0, max: 1_000, description: 'Display name of the group, compared case-insensitively.' })
  name?: string;
}

export class GroupRoleMapping {
  @Nested(() => GroupReferenceFields) group!: GroupReference;
  @Text({ example: 'itsm_agent' }) role!: string;
}

export class GroupUnmapping {
  @Nested(() => GroupReferenceFields) group!: GroupReference;

  @Text({
    optional: true,
    description: 'Removes only the mapping to this role. If left out, all mappings of the group are removed.',
  })
  role?: string;
}

export class BrakeSettings {
  @Measure({
    description: 'Percentage of the active accounts that may lose access within the window. Further losses are held.',
  })
  percent!: number;

  @Measure({ description: 'While at most this many people lose access within the window, the brake holds nobody.' })
  atLeast!: number;

  @Measure() windowMinutes!: number;
  @Measure({ description: 'Number of hours after which a held loss happens automatically.' }) holdHours!: number;

  @Measure({
    description:
      'Number of minutes after which the held loss of the last account with the strongest role happens automatically.',
  })
  lastAdminHoldMinutes!: number;
}

export class BrakeChange implements Partial<BrakeSettings> {
  @Measure({ optional: true }) percent?: number;
  @Measure({ optional: true }) atLeast?: number;
  @Measure({ optional: true }) windowMinutes?: number;
  @Measure({ optional: true }) holdHours?: number;
  @Measure({ optional: true }) lastAdminHoldMinutes?: number;
}

export class OktaSettingsView {
  @Text({ example: 'your-org.okta.com' }) domain!: string;
  @Text({ description: 'Id of the StackFlow app in Okta.', example: '0oa1234567890abcdefg' }) appId!: string;
}

export class SsoSettingsView {
  @Text({ example: 'https://your-org.okta.com' }) issuer!: string;
  @Text({ description: 'Client id of the OIDC app in Okta.' }) clientId!: string;
}

export class ScimTokenView {
  @Instant() issuedAt!: string;

  @Instant({
    nullable: true,
    description: 'Time until which the previous token is accepted. Null means that it is not accepted.',
  })
  previousValidUntil!: string | null;
}

export class SettingsView {
  @Flag() scimEnabled!: boolean;
  @Flag() groupSync!: boolean;
  @Flag() deactivateOnOffboard!: boolean;
  @TextList({ description: 'All roles, highest precedence first.' }) roles!: string[];
  @NestedList(() => GroupRoleMapping) roleMappings!: GroupRoleMapping[];
  @Nested(() => BrakeSettings, { nullable: true, description: 'Null means that the brake is off.' })
  brake!: BrakeSettings | null;

  @Nested(() => OktaSettingsView, {
    nullable: true,
    description: 'Null means that the tenant is not connected to Okta.',
  })
  okta!: OktaSettingsView | null;

  @Nested(() => SsoSettingsView, {
    nullable: true,
    description: 'Null means that the tenant has no sign-in through Okta.',
  })
  sso!: SsoSettingsView | null;

  @Nested(() => ScimTokenView, { nullable: true, description: 'Null means that no token was issued yet.' })
  scimToken!: ScimTokenView | null;
}

/** A partial change. Settings that are left out do not change. */
export class SettingsChangeBody {
  @Text({ optional: true, nullable: true, max: 1_000, description: 'Own host name of the tenant. Null removes it.' })
  host?: string | null;

  @Flag({ optional: true }) scimEnabled?: boolean;
  @Flag({ optional: true }) groupSync?: boolean;
  @Flag({ optional: true }) deactivateOnOffboard?: boolean;
  @TextList({ optional: true, description: 'The complete list of roles, highest precedence first.' }) roles?: string[];

  @NestedList(() => GroupRoleMapping, {
    optional: true,
    description: 'Mappings to add. Existing mappings may be repeated.',
  })
  map?: GroupRoleMapping[];

  @TextList({
    optional: true,
    description:
      "Mapped names that groups use. If given, and `map` adds the tenant's first mapping of its own, default mappings that no group uses are dropped.",
  })
  usedNames?: string[];

  @NestedList(() => GroupUnmapping, { optional: true, description: 'Mappings to remove.' }) unmap?: GroupUnmapping[];

  @Nested(() => BrakeChange, { optional: true, nullable: true, description: 'Null switches the brake off.' })
  brake?: BrakeChange | null;
}

export class AdministratorName {
  @Text({ description: 'The administrator who makes the change; stored in the audit.', example: 'jane' }) by!: string;
}

export class CreateTenant extends AdministratorName {
  @Text({ description: 'Short name of the tenant: 1 to 63 lower-case letters, digits and hyphens.', example: 'acme' })
  slug!: string;

  @Nested(() => SettingsChangeBody, { optional: true, description: 'Settings that differ from the defaults.' })
  settings?: SettingsChangeBody;

  @Flag({
    optional: true,
    description:
      'If the tenant already exists, true returns the tenant unchanged, and false refuses the request with tenant_exists.',
  })
  ifMissing?: boolean;
}

export class ConfigureTenant extends AdministratorName {
  @Nested(() => SettingsChangeBody) settings!: SettingsChangeBody;
}

const GRACE = { optional: true, max: 30 * 86_400_000 } as const;

export class RotateScimToken extends AdministratorName {
  @Whole({ ...GRACE, description: 'Milliseconds for which the old token stays valid; 24 hours if left out.' })
  graceMs?: number;
}

export class ConnectOkta extends AdministratorName {
  @Text({ max: 1_000, description: 'Domain of the Okta org. A leading https:// and a trailing slash are removed.' })
  domain!: string;

  @Text({ description: 'Id of the StackFlow app in Okta.', example: '0oa1234567890abcdefg' }) appId!: string;
  @Text({ min: 0, max: 8_192, description: 'API token of Okta, 10 to 512 characters.' }) apiToken!: string;

  @Flag({
    optional: true,
    description: 'If true, a new event hook secret is issued. The first connection always issues one.',
  })
  rotateHookSecret?: boolean;

  @Whole({
    ...GRACE,
    description: 'Milliseconds for which the old event hook secret stays valid; 24 hours if left out.',
  })
  graceMs?: number;
}

export class ConnectSso extends AdministratorName {
  @Text({ description: 'Client id of the OIDC app in Okta.' }) clientId!: string;

  @Text({ min: 0, max: 8_192, description: 'Client secret of the OIDC app, 10 to 512 characters.' })
  clientSecret!: string;

  @Text({
    optional: true,
    max: 1_000,
    description: 'Issuer of the ID tokens. If left out, the current issuer or else the connected Okta org is used.',
  })
  issuer?: string;
}

/** The URLs to enter in Okta. Null means that the tenant has no such URL; a warning of the tenant says why. */
export class TenantAddresses {
  @Text({ max: 1_000 }) scimBaseUrl!: string;
  @Text({ max: 1_000 }) eventHookUrl!: string;
  @Text({ max: 1_000, nullable: true }) redirectUri!: string | null;
  @Text({ max: 1_000, nullable: true }) loginUri!: string | null;
  @Text({ max: 1_000, nullable: true }) postLogoutUri!: string | null;
  @Text({ max: 1_000, nullable: true }) universalLogoutUri!: string | null;
}

export const TENANT_WARNINGS = ['sign_in_needs_host'] as const;
export type TenantWarningCode = (typeof TENANT_WARNINGS)[number];

export class TenantWarning {
  /**
   * `sign_in_needs_host`: the tenant has no host name of its own. Sign-in under the common origin (`origin`) reaches
   * another tenant (`owner`), or no tenant if `owner` is null.
   */
  @OneOf(TENANT_WARNINGS) code!: TenantWarningCode;
  @Shape() parameters!: Record<string, string | null>;
}

export class HubTenant {
  @Uuid() id!: string;
  @Text() slug!: string;

  @Text({
    nullable: true,
    description: 'Own host name of the tenant. Null means that people reach the tenant under the common origin.',
  })
  host!: string | null;

  @Whole({ description: 'Version of the current settings.' }) version!: number;
  @Nested(() => SettingsView) settings!: SettingsView;
  @Nested(() => TenantAddresses) addresses!: TenantAddresses;
  @NestedList(() => TenantWarning) warnings!: TenantWarning[];
  @Instant() createdAt!: Date;
  @Instant() changedAt!: Date;
  @Text() changedBy!: string;
}

export class HubTenantList {
  @NestedList(() => HubTenant) tenants!: HubTenant[];
}

export class TenantChanged {
  @Nested(() => HubTenant) tenant!: HubTenant;

  @TextList({ description: 'Names of the settings that the request changed; empty if it changed nothing.' })
  changed!: string[];

  @Flag({
    description:
      'False means that the change is stored, but its event is not published yet. The event is published automatically later.',
  })
  published!: boolean;
}

export class IssuedSecret {
  @Text({ description: 'The secret, which is returned only once.' }) secret!: string;

  @Instant({
    nullable: true,
    description: 'Time until which the previous secret is accepted. Null means that it is not accepted.',
  })
  previousValidUntil!: Date | null;
}

export class ScimTokenIssued extends TenantChanged {
  @Nested(() => IssuedSecret, {
    nullable: true,
    description: 'Null means that no token was issued, because the tenant already existed.',
  })
  scimToken!: IssuedSecret | null;
}

export class OktaConnected extends TenantChanged {
  @Nested(() => IssuedSecret, { nullable: true, description: 'Null means that the event hook secret has not changed.' })
  hookSecret!: IssuedSecret | null;
}

export const AUDIT_ACTIONS = [
  'create',
  'configure',
  'issue-token',
  'rotate-token',
  'connect-okta',
  'disconnect-okta',
  'connect-sso',
  'disconnect-sso',
  'erase',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export class HubAuditQuery {
  @Whole({ optional: true, min: 1, max: 500, description: 'Entries per page; 100 if left out.' }) limit?: number;
  @Text({ optional: true, pattern: /^\d{1,18}$/, description: '`next` of the previous page.' }) cursor?: string;
}

export class HubAuditEntry {
  @Text() id!: string;
  @Instant() at!: Date;
  @Text() by!: string;
  @OneOf(AUDIT_ACTIONS) action!: AuditAction;
  @Whole({ description: 'Version of the settings after the change.' }) version!: number;
  @TextList() changed!: string[];

  @Shape({ description: 'Details of the change, for example `graceMs` of a rotation.' })
  detail!: Record<string, unknown>;
}

export class HubAuditPage {
  @NestedList(() => HubAuditEntry, { description: 'Audit entries, newest first.' }) entries!: HubAuditEntry[];

  @Text({ nullable: true, description: 'Cursor of the next page. Null means that this page is the last.' })
  next!: string | null;
}
