/** Reads of the internal API. No locks: they may show an account between two changes, never half of one. */
import type { HeldBecause } from '#brake';
import { fitsCognito } from '../reconcile/plan.js';
import { CLOSED } from '../roles/transition.js';

export const accountColumns = `
  id, tenant, user_name, external_id, email, display_name, status, assigned_roles, roles, version::int as version, created_at, updated_at, provisioned_at,
  desired_revision > applied_revision as dirty, priority, dirty_since, next_attempt_at, attempts, last_error, last_error_class, synced_at,
  (select jsonb_build_object('wouldLose', h.would_lose, 'heldBecause', h.held_because, 'heldAt', h.held_at, 'cause', h.cause)
     from held_role_loss h where h.account_id = account.id and h.released_at is null) as held_role_loss`;

export const accountsPage = `
  select ${accountColumns} from account
   where tenant = $1 and ($2::text is null or lower(user_name) = lower($2)) and ($3::text is null or external_id = $3) and ($4::uuid is null or id > $4)
   order by id limit $5`;

/** A revocation by a closing names the cause of the worker's case, whichever of the two was heard of first. */
export const grantsOf = `
  select g.role, g.granted_at as "grantedAt", g.granted_cause as "grantedCause", g.granted_group as "grantedGroup", d.display_name as "grantedGroupName",
         g.granted_causation_id as "grantedCausationId", g.granted_mapping_version::int as "grantedMappingVersion",
         g.revoked_at as "revokedAt", coalesce(c.cause, g.revoked_cause) as "revokedCause", g.revoked_group as "revokedGroup",
         g.revoked_causation_id as "revokedCausationId", g.revoked_mapping_version::int as "revokedMappingVersion"
    from role_grant g left join directory_group d on d.id = g.granted_group and d.tenant = g.tenant
    left join lateral (
      select c.cause from closing c
       where g.revoked_cause = '${CLOSED}' and c.account_id = g.account_id and c.tenant = g.tenant and c.causation_id = g.revoked_causation_id
       order by c.sequence desc limit 1
    ) c on true
   where g.tenant = $1 and g.account_id = $2 order by g.id`;

/** A group whose own events have not arrived yet has no name here. */
export const groupsOf = `
  select m.group_id as id, d.display_name as "displayName", coalesce(d.deleted, false) as deleted
    from membership m left join directory_group d on d.id = m.group_id and d.tenant = m.tenant
   where m.tenant = $1 and m.user_id = $2 order by d.display_name, m.group_id`;

export const heldRoleLosses = `
  select h.account_id as account, a.user_name as "userName", a.display_name as "displayName", a.roles, h.would_lose as "wouldLose",
         h.held_because as "heldBecause", h.held_at as "heldAt", h.cause, h.causation_id as "causationId"
    from held_role_loss h join account a on a.id = h.account_id
   where h.tenant = $1 and h.released_at is null order by h.held_at, h.account_id`;

export interface HeldRoleLossView {
  account: string;
  userName: string;
  displayName: string | null;
  /** In effect, those that would be lost among them. */
  roles: string[];
  wouldLose: string[];
  heldBecause: HeldBecause;
  heldAt: Date;
  cause: string;
  causationId: string;
}

export interface AccountRow {
  id: string;
  tenant: string;
  user_name: string;
  external_id: string | null;
  email: string | null;
  display_name: string | null;
  status: 'active' | 'inactive' | 'removed';
  assigned_roles: string[];
  roles: string[];
  version: number;
  created_at: Date;
  updated_at: Date;
  provisioned_at: Date | null;
  dirty: boolean;
  priority: number;
  dirty_since: Date | null;
  next_attempt_at: Date;
  attempts: number;
  last_error: string | null;
  last_error_class: string | null;
  synced_at: Date | null;
  held_role_loss: { wouldLose: string[]; heldBecause: HeldBecause; heldAt: string; cause: string } | null;
}

export interface GrantView {
  role: string;
  grantedAt: Date;
  grantedCause: string;
  grantedGroup: string | null;
  grantedGroupName: string | null;
  grantedCausationId: string;
  grantedMappingVersion: number | null;
  revokedAt: Date | null;
  revokedCause: string | null;
  revokedGroup: string | null;
  revokedCausationId: string | null;
  revokedMappingVersion: number | null;
}

export const toAccountView = (row: AccountRow) => ({
  id: row.id,
  tenant: row.tenant,
  userName: row.user_name,
  externalId: row.external_id,
  email: row.email,
  displayName: row.display_name,
  status: row.status,
  /** In effect. */
  roles: row.roles,
  primaryRole: row.roles[0] ?? null,
  /** What the groups give; in effect only while the account is active. */
  assignedRoles: row.assigned_roles,
  /** Roles that nothing gives any more, kept by the tenant's brake until somebody releases the loss. */
  heldRoleLoss: row.held_role_loss,
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  cognito: {
    state: row.dirty
      ? row.last_error === null
        ? 'pending'
        : 'failing'
      : row.provisioned_at === null
        ? 'none'
        : 'synced',
    provisionedAt: row.provisioned_at,
    syncedAt: row.synced_at,
    waitingSince: row.dirty ? row.dirty_since : null,
    nextAttemptAt: row.dirty ? row.next_attempt_at : null,
    attempts: row.attempts,
    lastError: row.last_error,
    lastErrorClass: row.last_error_class,
    /** What Cognito does not get although the directory has it. */
    warning:
      row.email === null || fitsCognito(row.email)
        ? null
        : `the e-mail address ${JSON.stringify(row.email)} is left out: Cognito would refuse the user because of it. Correct it in Okta`,
  },
});
export type AccountView = ReturnType<typeof toAccountView>;
