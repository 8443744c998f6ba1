/**
 * `/internal/hub/tenants`: the tenants, their settings, their SCIM token and their connections to Okta, which
 * integration-hub owns. A path names the tenant by its slug.
 */
import { Flag, Instant, Measure, Nested, NestedList, OneOf, Shape, Text, TextList, Uuid, Whole } from './fields.js';

export class TenantSlugPath {
  @Text({ description: 'Short name of the tenant.', example: 'acme' })
  slug!: string;
}

// ---- settings ---------------------------------------------------------------------------------------------------

/** A group by its name or by its SCIM id, never both. */
export type GroupReference = { readonly id: string } | { readonly name: string };

class GroupReferenceFields {
  @Text({ optional: true, min: 0, max: 1_000, description: 'SCIM id.' })
  id?: string;

  @Text({ optional: true, min: 0, max: 1_000, description: 'Name, compared without regard to case.' })
  name?: string;
}

export class GroupRoleMapping {
  @Nested(() => GroupReferenceFields)
  group!: GroupReference;

  @Text({ example: 'itsm_agent' })
  role!: string;
}

export class GroupUnmapping {
  @Nested(() => GroupReferenceFields)
  group!: GroupReference;

  @Text({ optional: true, description: 'Only the mapping to this role; left out, all mappings of the group.' })
  role?: string;
}

export class BrakeSettings {
  @Measure({ description: 'Percentage of the accounts with access that may lose it within the window.' })
  percent!: number;

  @Measure({ description: 'This many losses within the window never trip the brake.' })
  atLeast!: number;

  @Measure()
  windowMinutes!: number;

  @Measure({ description: 'A held loss happens by itself after so many hours.' })
  holdHours!: number;
}

export class BrakeChange implements Partial<BrakeSettings> {
  @Measure({ optional: true })
  percent?: number;

  @Measure({ optional: true })
  atLeast?: number;

  @Measure({ optional: true })
  windowMinutes?: number;

  @Measure({ optional: true })
  holdHours?: number;
}

export class OktaSettingsView {
  @Text({ example: 'your-org.okta.com' })
  domain!: string;

  @Text({ description: 'Id of the StackFlow app in Okta.', example: '0oa1234567890abcdefg' })
  appId!: string;
}

export class SsoSettingsView {
  @Text({ example: 'https://your-org.okta.com' })
  issuer!: string;

  @Text({ description: 'Client id of the OIDC app in Okta.' })
  clientId!: string;
}

export class ScimTokenView {
  @Instant()
  issuedAt!: string;

  @Instant({ nullable: true, description: 'Until when the token before this one is accepted.' })
  previousValidUntil!: string | null;
}

export class SettingsView {
  @Flag()
  scimEnabled!: boolean;

  @Flag()
  groupSync!: boolean;

  @Flag()
  deactivateOnOffboard!: boolean;

  @TextList({ description: 'All roles, highest precedence first.' })
  roles!: string[];

  @NestedList(() => GroupRoleMapping)
  roleMappings!: GroupRoleMapping[];

  @Nested(() => BrakeSettings, { nullable: true, description: 'Null = no brake.' })
  brake!: BrakeSettings | null;

  @Nested(() => OktaSettingsView, { nullable: true, description: 'Null = not connected.' })
  okta!: OktaSettingsView | null;

  @Nested(() => SsoSettingsView, { nullable: true, description: 'Null = nobody signs in through Okta.' })
  sso!: SsoSettingsView | null;

  @Nested(() => ScimTokenView, { nullable: true, description: 'Null = no token was issued yet.' })
  scimToken!: ScimTokenView | null;
}

/** A partial change: settings that are left out stay as they are. */
export class SettingsChangeBody {
  @Text({ optional: true, nullable: true, max: 1_000, description: 'Host name of its own; null takes it back.' })
  host?: string | null;

  @Flag({ optional: true })
  scimEnabled?: boolean;

  @Flag({ optional: true })
  groupSync?: boolean;

  @Flag({ optional: true })
  deactivateOnOffboard?: boolean;

  @TextList({ optional: true, description: 'The complete list, highest precedence first.' })
  roles?: string[];

  @NestedList(() => GroupRoleMapping, { optional: true, description: 'Mappings to add; existing ones may repeat.' })
  map?: GroupRoleMapping[];

  @NestedList(() => GroupUnmapping, { optional: true, description: 'Mappings to remove.' })
  unmap?: GroupUnmapping[];

  @Nested(() => BrakeChange, { optional: true, nullable: true, description: 'Null = no brake.' })
  brake?: BrakeChange | null;
}

// ---- requests --------------------------------------------------------------------------------

/** Every change names the administrator, for the audit. */
export class AdministratorName {
  @Text({ description: 'Who makes the change; it is kept in the audit.', example: 'jane' })
  by!: string;
}

export class CreateTenant extends AdministratorName {
  @Text({ description: '1 to 63 lower-case letters, digits and hyphens.', example: 'acme' })
  slug!: string;

  @Nested(() => SettingsChangeBody, { optional: true, description: 'Deviations from the default settings.' })
  settings?: SettingsChangeBody;

  @Flag({ optional: true, description: 'Answer an existing tenant unchanged instead of refusing with tenant_exists.' })
  ifMissing?: boolean;
}

export class ConfigureTenant extends AdministratorName {
  @Nested(() => SettingsChangeBody)
  settings!: SettingsChangeBody;
}

const GRACE = { optional: true, max: 30 * 86_400_000 } as const;

export class RotateScimToken extends AdministratorName {
  @Whole({ ...GRACE, description: 'How long the old token stays valid, in milliseconds; 24 hours if left out.' })
  graceMs?: number;
}

export class ConnectOkta extends AdministratorName {
  @Text({ max: 1_000, description: 'Domain of the org; https:// and a slash at the end are removed.' })
  domain!: string;

  @Text({ description: 'Id of the StackFlow app in Okta.', example: '0oa1234567890abcdefg' })
  appId!: string;

  @Text({ min: 0, max: 8_192, description: 'API token of Okta, 10 to 512 characters.' })
  apiToken!: string;

  @Flag({ optional: true, description: 'Issue a new event hook secret; the first connection always issues one.' })
  rotateHookSecret?: boolean;

  @Whole({ ...GRACE, description: 'How long the old hook secret stays valid, in milliseconds; 24 hours if left out.' })
  graceMs?: number;
}

export class ConnectSso extends AdministratorName {
  @Text({ description: 'Client id of the OIDC app in Okta.' })
  clientId!: string;

  @Text({ min: 0, max: 8_192, description: 'Secret of that client, 10 to 512 characters.' })
  clientSecret!: string;

  @Text({ optional: true, max: 1_000, description: 'Left out: the current issuer, else the connected Okta org.' })
  issuer?: string;
}

// ---- answers ---------------------------------------------------------------------------------------

/** The addresses that an administrator enters in Okta. Null: the tenant cannot be reached there, see the warnings. */
export class TenantAddresses {
  @Text({ max: 1_000 })
  scimBaseUrl!: string;

  @Text({ max: 1_000 })
  eventHookUrl!: string;

  @Text({ max: 1_000, nullable: true })
  redirectUri!: string | null;

  @Text({ max: 1_000, nullable: true })
  loginUri!: string | null;

  @Text({ max: 1_000, nullable: true })
  postLogoutUri!: string | null;

  @Text({ max: 1_000, nullable: true })
  universalLogoutUri!: string | null;
}

export const TENANT_WARNINGS = ['sign_in_needs_host'] as const;
export type TenantWarningCode = (typeof TENANT_WARNINGS)[number];

export class TenantWarning {
  /**
   * `sign_in_needs_host`: the tenant has no host name of its own, and sign-in under the common origin reaches another
   * tenant (`owner`) or none (`owner` null). Parameters: `origin`, `owner`.
   */
  @OneOf(TENANT_WARNINGS)
  code!: TenantWarningCode;

  @Shape()
  parameters!: Record<string, string | null>;
}

export class HubTenant {
  @Uuid()
  id!: string;

  @Text()
  slug!: string;

  @Text({ nullable: true, description: 'Host name of its own; null = reached under the common origin.' })
  host!: string | null;

  @Whole({ description: 'Version of the settings in force.' })
  version!: number;

  @Nested(() => SettingsView)
  settings!: SettingsView;

  @Nested(() => TenantAddresses)
  addresses!: TenantAddresses;

  @NestedList(() => TenantWarning)
  warnings!: TenantWarning[];

  @Instant()
  createdAt!: Date;

  @Instant()
  changedAt!: Date;

  @Text()
  changedBy!: string;
}

export class HubTenantList {
  @NestedList(() => HubTenant)
  tenants!: HubTenant[];
}

export class TenantChanged {
  @Nested(() => HubTenant)
  tenant!: HubTenant;

  @TextList({ description: 'Names of what differs from before; empty = nothing was changed.' })
  changed!: string[];

  @Flag({
    description:
      'False: the change is stored, but its event is not published yet. It is published automatically later.',
  })
  published!: boolean;
}

export class IssuedSecret {
  @Text({ description: 'Answered this once; it cannot be read again.' })
  secret!: string;

  @Instant({ nullable: true, description: 'Until when the secret before this one is accepted.' })
  previousValidUntil!: Date | null;
}

export class ScimTokenIssued extends TenantChanged {
  @Nested(() => IssuedSecret, { nullable: true, description: 'Null = no token was issued: the tenant existed.' })
  scimToken!: IssuedSecret | null;
}

export class OktaConnected extends TenantChanged {
  @Nested(() => IssuedSecret, { nullable: true, description: 'Null = the hook secret stays the one answered before.' })
  hookSecret!: IssuedSecret | null;
}

// ---- audit ------------------------------------------------------------------------------------------------------

export const AUDIT_ACTIONS = [
  'create',
  'configure',
  'issue-token',
  'rotate-token',
  'connect-okta',
  'disconnect-okta',
  'connect-sso',
  'disconnect-sso',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

export class HubAuditQuery {
  @Whole({ optional: true, min: 1, max: 500, description: '100 if left out.' })
  limit?: number;

  @Text({ optional: true, pattern: /^\d{1,18}$/, description: 'The `next` of the page before.' })
  cursor?: string;
}

export class HubAuditEntry {
  @Text()
  id!: string;

  @Instant()
  at!: Date;

  @Text()
  by!: string;

  @OneOf(AUDIT_ACTIONS)
  action!: AuditAction;

  @Whole({ description: 'Version of the settings that the change made.' })
  version!: number;

  @TextList()
  changed!: string[];

  @Shape({ description: 'More about the change, for example `graceMs` of a rotation.' })
  detail!: Record<string, unknown>;
}

export class HubAuditPage {
  @NestedList(() => HubAuditEntry, { description: 'Newest first.' })
  entries!: HubAuditEntry[];

  @Text({ nullable: true, description: 'Cursor of the next page; null = this is the last one.' })
  next!: string | null;
}
