/** identity-service's internal API: accounts, their roles, held losses of roles, comparisons with the user pool. */
import { HELD_REASONS, type HeldBecause } from './common.js';
import { Flag, Instant, Nested, NestedList, OneOf, Shape, Text, TextList, Uuid, UuidList, Whole } from './fields.js';

export const ACCOUNT_STATUSES = ['active', 'inactive', 'removed'] as const;
/** `none` means that Cognito has no such user, because the account was never active. */
export const COGNITO_STATES = ['synced', 'pending', 'failing', 'none'] as const;
export const COGNITO_WARNINGS = ['email_left_out'] as const;
export const POOL_COMPARISON_STATES = ['running', 'done', 'failed'] as const;
export const POOL_COMPARISON_PHASES = ['groups', 'users', 'missing', 'done'] as const;

export class AccountListQuery {
  @Text({ optional: true, max: 8192, description: '`next` of the previous page.' }) cursor?: string;
  @Whole({ optional: true, min: 1, max: 1000, description: '100 by default.' }) limit?: number;

  @Flag({
    optional: true,
    description:
      'If true, returns only accounts for which the last update of Cognito failed. If false, leaves these accounts out.',
  })
  failing?: boolean;

  @Text({ optional: true, description: 'Only accounts with this role in effect.' }) role?: string;

  @Text({
    optional: true,
    max: 1024,
    description: 'Text that the user name, display name or e-mail address contains, compared case-insensitively.',
  })
  text?: string;

  @Text({
    optional: true,
    max: 1024,
    description:
      'User name (compared case-insensitively), Okta user id or account id of one person. At most one account matches. If a removed account and a current account have the same user name, the current account matches.',
  })
  who?: string;
}

export class AccountRoleLoss {
  @TextList({ description: 'Roles that the account would lose, because no group gives them any more.' })
  wouldLose!: string[];
  @OneOf(HELD_REASONS) heldBecause!: HeldBecause;
  @Instant() heldAt!: Date;
  @Instant({ description: 'Time at which the loss is released automatically.' }) heldUntil!: Date;
  @Text({ description: 'Type of the change that took the roles away.', example: 'group.members-changed' })
  cause!: string;
}

export class AccountCognitoView {
  @OneOf(COGNITO_STATES) state!: (typeof COGNITO_STATES)[number];

  @Instant({ nullable: true, description: 'Time at which the user was created in Cognito.' })
  provisionedAt!: Date | null;

  @Instant({ nullable: true, description: 'Time at which the Cognito user last matched the account.' })
  syncedAt!: Date | null;

  @Instant({
    nullable: true,
    description: 'Time since which the Cognito user differs from the account. Null means that it does not differ.',
  })
  waitingSince!: Date | null;

  @Instant({ nullable: true }) nextAttemptAt!: Date | null;
  @Whole() attempts!: number;
  @Text({ nullable: true, max: 1000 }) lastError!: string | null;
  @Text({ nullable: true, example: 'throttled' }) lastErrorClass!: string | null;

  @OneOf(COGNITO_WARNINGS, {
    nullable: true,
    description:
      '`email_left_out`: the e-mail address is not sent to Cognito, because Cognito would then refuse the whole user.',
  })
  warning!: (typeof COGNITO_WARNINGS)[number] | null;
}

export class AccountView {
  @Uuid() id!: string;
  @Uuid() tenant!: string;
  @Text({ max: 1024 }) userName!: string;
  @Text({ nullable: true, max: 1024, description: 'The Okta user id.' }) externalId!: string | null;
  @Text({ nullable: true, max: 1024 }) email!: string | null;
  @Text({ nullable: true, max: 1024 }) displayName!: string | null;
  @OneOf(ACCOUNT_STATUSES) status!: (typeof ACCOUNT_STATUSES)[number];
  @TextList({ description: 'Roles in effect, strongest first.' }) roles!: string[];
  @Text({ nullable: true, description: 'The strongest role in effect.' }) primaryRole!: string | null;

  @TextList({ description: 'Roles that the groups give. They are in effect only while the account is active.' })
  assignedRoles!: string[];

  @Nested(() => AccountRoleLoss, { nullable: true, description: 'The loss of roles that the brake holds.' })
  heldRoleLoss!: AccountRoleLoss | null;

  @Whole() version!: number;
  @Instant() createdAt!: Date;
  @Instant() updatedAt!: Date;
  @Nested(() => AccountCognitoView) cognito!: AccountCognitoView;
}

export class AccountList {
  @NestedList(() => AccountView, { description: 'Accounts, ordered by user name.' }) accounts!: AccountView[];

  @Text({ nullable: true, max: 8192, description: '`cursor` of the next page. Null means that this page is the last.' })
  next!: string | null;
}

/** A grant is in effect while `revokedAt` is null. */
export class GrantView {
  @Text() role!: string;
  @Instant() grantedAt!: Date;
  @Text({ example: 'group.members-changed' }) grantedCause!: string;
  @Uuid({ nullable: true }) grantedGroup!: string | null;
  @Text({ nullable: true }) grantedGroupName!: string | null;
  @Text({ description: 'Id of the SCIM request, or `settings:<version>`.' }) grantedCausationId!: string;
  @Whole({ nullable: true }) grantedMappingVersion!: number | null;
  @Instant({ nullable: true }) revokedAt!: Date | null;
  @Text({ nullable: true }) revokedCause!: string | null;
  @Uuid({ nullable: true }) revokedGroup!: string | null;
  @Text({ nullable: true }) revokedCausationId!: string | null;
  @Whole({ nullable: true }) revokedMappingVersion!: number | null;
}

export class AccountGrants {
  @Uuid() account!: string;
  @NestedList(() => GrantView, { description: 'Grants, oldest first.' }) grants!: GrantView[];
}

/** `name` is null until the events of the group have arrived. */
interface ReasonGroup {
  readonly group: string;
  readonly name: string;
}

/** The parameters that belong to each reason code. */
export interface ReasonParameters {
  /** No role: the person was deleted in the directory. */
  removed: Record<string, never>;
  /** No role is in effect, because the person has no access. With access, the person would have `assignedRoles`. */
  inactive: { readonly assignedRoles: readonly string[] };
  /** No role: the settings of the tenant have not arrived at identity-service yet. */
  settings_missing: Record<string, never>;
  group_sync_off: { readonly roles: readonly string[] };
  has_roles: { readonly roles: readonly string[]; readonly primaryRole: string; readonly mappingVersion: number };
  /** No role: the person is in no group that a mapping names. Other groups are not stored. */
  no_mapped_group: { readonly mappingVersion: number };
  /** The brake holds the loss of roles that no group gives any more. */
  loss_held: {
    readonly wouldLose: readonly string[];
    readonly cause: string;
    readonly heldAt: string;
    readonly heldBecause: HeldBecause;
  };
  group_gives_roles: ReasonGroup & { readonly roles: readonly string[] };
  /** The group bears a mapped name, but an administrator has to confirm the group first. */
  group_waits: ReasonGroup;
  /** The members of a mapped group are still being read, so the person may be one of them. */
  group_loading: ReasonGroup & { readonly roles: readonly string[] };
  /** Cognito does not have the user: the account was never active. */
  cognito_none: Record<string, never>;
  cognito_pending: Record<string, never>;
  cognito_failing: { readonly lastError: string; readonly attempts: number; readonly nextAttemptAt: string | null };
  email_left_out: { readonly email: string };
}

export type ReasonCode = keyof ReasonParameters;
export type Reason = { [C in ReasonCode]: { readonly code: C; readonly parameters: ReasonParameters[C] } }[ReasonCode];

export const REASON_CODES = [
  'removed',
  'inactive',
  'settings_missing',
  'group_sync_off',
  'has_roles',
  'no_mapped_group',
  'loss_held',
  'group_gives_roles',
  'group_waits',
  'group_loading',
  'cognito_none',
  'cognito_pending',
  'cognito_failing',
  'email_left_out',
] as const satisfies readonly ReasonCode[];

/** Describes {@link Reason} for the OpenAPI document. */
export class ExplanationReason {
  @OneOf(REASON_CODES) code!: ReasonCode;
  @Shape({ description: 'Parameters of the code; the fields depend on the code.' }) parameters!: object;
}

export class ExplainedGroup {
  @Uuid() id!: string;

  @Text() displayName!: string;

  @Flag({ description: 'True while the members of the group are being read, so the account may be no member of it.' })
  loading!: boolean;

  @TextList({ description: 'Roles that the current mappings give to the members of the group.' }) roles!: string[];

  @Flag({
    description:
      'Whether the group bears a mapped name but waits for an administrator. It then gives the strongest role, or any role, to nobody new.',
  })
  waits!: boolean;
}

export class Explanation {
  @Nested(() => AccountView) account!: AccountView;
  @NestedList(() => ExplainedGroup, { description: 'Groups of the account that a mapping names.' })
  groups!: ExplainedGroup[];
  @Whole({ nullable: true }) mappingVersion!: number | null;
  @Flag({ nullable: true }) groupSync!: boolean | null;

  @NestedList(() => ExplanationReason, {
    description: 'The first reason says why the account has its roles, or why it has none.',
  })
  reasons!: Reason[];
}

export class AccountRetry {
  @Uuid() account!: string;
  @Flag() retrying!: boolean;
}

export class HeldRoleLossView extends AccountRoleLoss {
  @Uuid({ description: 'Account id.' }) account!: string;
  @Text({ max: 1024 }) userName!: string;
  @Text({ nullable: true, max: 1024 }) displayName!: string | null;
  @TextList({ description: 'Roles in effect, including those that would be lost.' }) roles!: string[];
  @Text() causationId!: string;
}

export class HeldRoleLossList {
  @NestedList(() => HeldRoleLossView, { description: 'Held losses of roles, oldest first.' }) held!: HeldRoleLossView[];
}

export class GroupPinView {
  @Text({ description: 'The name in the mapping, in lower case.' }) mappedName!: string;
  @TextList({ description: 'Roles of the mapping, strongest first.' }) roles!: string[];
  @Uuid({ description: 'SCIM id of the group that the mapping belongs to.' }) group!: string;
  @Text({ min: 0, max: 1024, description: 'Current name of the group, which may have been renamed.' }) name!: string;
  @Flag() deleted!: boolean;
  @Instant() pinnedAt!: Date;
  @Flag({ description: 'If false, nobody new gains the strongest role through this group.' }) confirmed!: boolean;
  @Text({ nullable: true, description: 'Null means that no confirmation was needed.' }) confirmedBy!: string | null;
}

export class WaitingGroupView {
  @Text({ description: 'The name in the mapping, in lower case.' }) mappedName!: string;
  @TextList({ description: 'Roles of the mapping, strongest first.' }) roles!: string[];
  @Uuid({ description: 'SCIM id of the group that waits.' }) group!: string;
  @Text({ min: 0, max: 1024 }) name!: string;
  @Flag({ description: "Whether the mapping gives the tenant's strongest role." }) strongest!: boolean;
  @Whole({ description: 'Number of members of the group.' }) members!: number;
}

export class GroupPinList {
  @NestedList(() => GroupPinView, { description: 'The group of each mapping by name.' }) pins!: GroupPinView[];

  @NestedList(() => WaitingGroupView, {
    description: 'Groups that bear a mapped name but give nobody new the role until an administrator confirms them.',
  })
  waiting!: WaitingGroupView[];
}

export class ConfirmGroupBody {
  @Uuid({ description: 'SCIM id of a group that waits.' }) group!: string;
  @Text({ max: 200, description: 'The person who is responsible for the confirmation.' }) by!: string;
}

export class GroupConfirmed {
  @Whole({ description: 'Number of mappings that now belong to the group; 0 if the group did not wait.' })
  confirmed!: number;
}

export class ReleaseRoleLossesBody {
  @UuidList({
    optional: true,
    minItems: 1,
    maxItems: 10_000,
    description:
      'Accounts whose held losses are released. If left out, all held losses of the tenant are released. Accounts without a held loss are ignored.',
  })
  accounts?: string[];

  @Text({
    max: 200,
    pattern: /^[^\p{Cc}]*\S[^\p{Cc}]*$/u,
    description: 'The administrator who releases the losses; written to the log.',
  })
  by!: string;
}

export class RoleLossesReleased {
  @Whole() released!: number;
}

export class PoolComparisonProgress {
  @OneOf(POOL_COMPARISON_PHASES) phase!: (typeof POOL_COMPARISON_PHASES)[number];
  @Whole({ description: 'Number of users of the pool that were read so far.' }) users!: number;

  @Whole({
    description:
      'Number of accounts that were marked for repair. An account with several kinds of differences is counted under each kind.',
  })
  differing!: number;

  @Whole() attributes!: number;
  @Whole() groups!: number;
  @Whole({ description: 'Number of accounts whose user is missing in Cognito.' }) missing!: number;

  @Whole({ description: 'Number of users of the pool that belong to no account (orphans). They are not changed.' })
  orphans!: number;

  @TextList({ description: 'User names of the first orphans.' }) orphanSample!: string[];
}

export class PoolComparison {
  @Uuid() id!: string;
  @OneOf(POOL_COMPARISON_STATES) state!: (typeof POOL_COMPARISON_STATES)[number];
  @Instant() startedAt!: Date;
  @Instant({ nullable: true }) finishedAt!: Date | null;
  @Nested(() => PoolComparisonProgress) progress!: PoolComparisonProgress;
  @Text({ nullable: true, max: 8192 }) error!: string | null;
}

export class PoolComparisonStarted {
  @Uuid({ description: '`id` of the comparison.' }) run!: string;
}

export class RepublishQuery {
  @Uuid({ optional: true, description: '`next` of the previous page.' }) cursor?: string;
  @Whole({ optional: true, min: 1, max: 1000, description: '500 by default.' }) limit?: number;
}

export class RepublishedPage {
  @Whole({ description: 'Number of accounts that this request published again.' }) republished!: number;

  @Uuid({ nullable: true, description: '`cursor` of the next page. Null means that this page is the last.' })
  next!: string | null;
}
