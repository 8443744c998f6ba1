/** Queries of the internal API. They read without locks, so they may see an account between two changes. */
import { Injectable } from '@nestjs/common';
import { isUUID } from 'class-validator';
import type {
  AccountList,
  AccountListQuery,
  AccountRoleLoss,
  AccountView,
  ExplainedGroup,
  Explanation,
  GrantView,
  HeldRoleLossView,
} from '#contracts';
import { columnsOf, CURSOR_TEXT, UUID, Database, pageOf, parseCursor } from '#platform';
import { settingsOf } from '#settings';
import { AccountEntity } from '../accounts/account.entity.js';
import { rolesOfGroup } from '../accounts/derive-roles.js';
import { RoleGrantEntity } from '../accounts/role-grant.entity.js';
import { ACCESS_CLOSED } from '../accounts/subject.js';
import { HeldRoleLossEntity } from '../brake/held-role-loss.entity.js';
import { fitsCognito } from '../cognito/plan.js';
import { waitingOfTenant, type WaitingGroup } from '../pins/pins.sql.js';
import { explain } from './explanation.js';

const PAGE = 100;
const LOSS = ['wouldLose', 'heldBecause', 'heldAt', 'heldUntil', 'cause'] as const;

interface AccountRow extends AccountEntity {
  readonly heldRoleLoss: AccountRoleLoss | null;
}

const selectAccounts = `
  select ${columnsOf(AccountEntity, { alias: 'a' })},
         (select to_jsonb(l) from (select ${columnsOf(HeldRoleLossEntity, { alias: 'h', only: LOSS })} from held_role_loss h where h.account_id = a.id and h.released_at is null) l) as "heldRoleLoss"
    from account a where a.tenant = $1`;

/** Selects the account with the user name or external id $2, or the id $3. Prefers an account that is not removed. */
const meantBy = `
  (select m.id from account m
    where m.tenant = $1 and (m.id = $3 or lower(m.user_name) = lower($2) or m.external_id = $2)
    order by m.id = $3 desc nulls last, lower(m.user_name) = lower($2) desc, m.status = 'removed', m.id limit 1)`;

const accountsPage = `${selectAccounts}
     and ($2::text is null or a.id = ${meantBy})
     and ($4::boolean is null or (a.desired_revision > a.applied_revision and a.last_error is not null) = $4)
     and ($5::text is null or $5 = any(a.roles))
     and ($6::text is null or strpos(lower(concat_ws(e'\\n', a.user_name, a.display_name, a.email)), lower($6)) > 0)
     and ($7::text is null or (lower(a.user_name), a.id) > (lower($7), $8::uuid))
   order by lower(a.user_name), a.id limit $9`;

const GRANT = [
  'role',
  'grantedAt',
  'grantedCause',
  'grantedGroup',
  'grantedCausationId',
  'grantedMappingVersion',
  'revokedAt',
  'revokedGroup',
  'revokedCausationId',
  'revokedMappingVersion',
] as const;

/**
 * If a role ended together with the access, `revokedCause` is the cause that the case names. Until the case has arrived
 * here, `revokedCause` is the cause that the grant names.
 */
const grantsOf = `
  select ${columnsOf(RoleGrantEntity, { alias: 'g', only: GRANT })}, d.display_name as "grantedGroupName", coalesce(c.cause, g.revoked_cause) as "revokedCause"
    from role_grant g left join directory_group d on d.id = g.granted_group and d.tenant = g.tenant
    left join lateral (
      select c.details ->> 'cause' as cause from offboarding_case c
       where g.revoked_cause = '${ACCESS_CLOSED}' and c.account_id = g.account_id and c.tenant = g.tenant and c.causation_id = g.revoked_causation_id
       order by c.sequence desc limit 1
    ) c on true
   where g.tenant = $1 and g.account_id = $2 order by g.id`;

/** Selects the groups of the account, and the groups whose members are being loaded. */
const groupsOf = `
  select d.id, d.display_name as "displayName", d.members = 'loading' as loading,
         array(select n.name_key from group_pin n where n.tenant = d.tenant and n.group_id = d.id) as pins
    from directory_group d
   where d.tenant = $1 and not d.deleted
     and (d.members = 'loading' or d.id in (select group_id from membership where tenant = $1 and user_id = $2))
   order by d.display_name, d.id`;

const heldRoleLosses = `
  select h.account_id as account, a.user_name as "userName", a.display_name as "displayName", a.roles,
         ${columnsOf(HeldRoleLossEntity, { alias: 'h', only: [...LOSS, 'causationId'] })}
    from held_role_loss h join account a on a.id = h.account_id
   where h.tenant = $1 and h.released_at is null order by h.held_at, h.account_id`;

interface GroupRow extends Pick<ExplainedGroup, 'id' | 'displayName' | 'loading'> {
  readonly pins: readonly string[];
}

@Injectable()
export class AccountQueries {
  constructor(private readonly database: Database) {}

  async page(tenant: string, query: AccountListQuery): Promise<AccountList> {
    const { who = null, failing = null, role = null, text = null, cursor, limit = PAGE } = query;
    const after = cursor === undefined ? [null, null] : parseCursor(cursor, CURSOR_TEXT, UUID);
    const id = who !== null && isUUID(who) ? who : null;
    const parameters = [tenant, who, id, failing, role, text, ...after, limit + 1];
    const rows = await this.database.query<AccountRow>(accountsPage, parameters);
    const { page, next } = pageOf(rows, limit, ({ userName, id: last }) => [userName, last]);
    return { accounts: page.map(toView), next };
  }

  async find(tenant: string, id: string): Promise<AccountView | null> {
    const [row] = await this.database.query<AccountRow>(`${selectAccounts} and a.id = $2`, [tenant, id]);
    return row ? toView(row) : null;
  }

  grants(tenant: string, id: string): Promise<GrantView[]> {
    return this.database.query<GrantView>(grantsOf, [tenant, id]);
  }

  heldRoleLosses(tenant: string): Promise<HeldRoleLossView[]> {
    return this.database.query<HeldRoleLossView>(heldRoleLosses, [tenant]);
  }

  async explanation(account: AccountView): Promise<Explanation> {
    const copy = await settingsOf(this.database, 'identity', account.tenant);
    const rows = await this.database.query<GroupRow>(groupsOf, [account.tenant, account.id]);
    const waiting = await this.database.query<WaitingGroup>(waitingOfTenant, [account.tenant]);
    const rules = copy?.settings ?? { roles: [], roleMappings: [] };
    const groups = rows.flatMap((group) => {
      const { id, displayName, loading } = group;
      const roles = rolesOfGroup({ ...group, deleted: false }, rules);
      const waits = waiting.some(({ groupId }) => groupId === id);
      return roles.length > 0 || waits ? [{ id, displayName, loading, roles, waits }] : [];
    });
    return explain(account, groups, copy);
  }
}

function toView(row: AccountRow): AccountView {
  const dirty = row.desiredRevision > row.appliedRevision;
  const state = dirty
    ? row.lastError === null
      ? 'pending'
      : 'failing'
    : row.provisionedAt === null
      ? 'none'
      : 'synced';
  return {
    id: row.id,
    tenant: row.tenant,
    userName: row.userName,
    externalId: row.externalId,
    email: row.email,
    displayName: row.displayName,
    status: row.status,
    roles: [...row.roles],
    primaryRole: row.roles[0] ?? null,
    assignedRoles: [...row.assignedRoles],
    heldRoleLoss: row.heldRoleLoss,
    version: row.version,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    cognito: {
      state,
      provisionedAt: row.provisionedAt,
      syncedAt: row.syncedAt,
      waitingSince: dirty ? row.dirtySince : null,
      nextAttemptAt: dirty ? row.nextAttemptAt : null,
      attempts: row.attempts,
      lastError: row.lastError,
      lastErrorClass: row.lastErrorClass,
      warning: row.email === null || fitsCognito(row.email) ? null : 'email_left_out',
    },
  };
}
