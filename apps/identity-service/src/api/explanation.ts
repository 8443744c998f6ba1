/** Explains an account's roles as codes and parameters. The command line and the hub write the sentences. */
import type { AccountView, ExplainedGroup, Explanation, Reason } from '#contracts';
import type { TenantCopy } from '#settings';

export function explain(account: AccountView, groups: ExplainedGroup[], copy: TenantCopy | null): Explanation {
  return {
    account,
    groups,
    mappingVersion: copy?.version ?? null,
    groupSync: copy?.settings.groupSync ?? null,
    reasons: [
      rolesReason(account, copy),
      ...heldReason(account),
      ...groups.map(groupReason),
      ...cognitoReason(account),
      ...warningReason(account),
    ],
  };
}

function rolesReason(account: AccountView, copy: TenantCopy | null): Reason {
  const { status, roles, assignedRoles } = account;
  const [primaryRole] = roles;
  if (status === 'removed') return { code: 'removed', parameters: {} };
  if (status === 'inactive') return { code: 'inactive', parameters: { assignedRoles } };
  if (!copy) return { code: 'settings_missing', parameters: {} };
  if (!copy.settings.groupSync) return { code: 'group_sync_off', parameters: { roles } };
  const mappingVersion = copy.version;
  if (primaryRole !== undefined) return { code: 'has_roles', parameters: { roles, primaryRole, mappingVersion } };
  return { code: 'no_mapped_group', parameters: { mappingVersion } };
}

const heldReason = ({ heldRoleLoss: held }: AccountView): Reason[] =>
  held ? [{ code: 'loss_held', parameters: { ...held, heldAt: new Date(held.heldAt).toISOString() } }] : [];

const groupReason = ({ id, displayName, roles, loading, waits }: ExplainedGroup): Reason =>
  waits
    ? { code: 'group_waits', parameters: { group: id, name: displayName } }
    : { code: loading ? 'group_loading' : 'group_gives_roles', parameters: { group: id, name: displayName, roles } };

function cognitoReason({ cognito: { state, lastError, attempts, nextAttemptAt } }: AccountView): Reason[] {
  if (state === 'synced') return [];
  if (state === 'none') return [{ code: 'cognito_none', parameters: {} }];
  if (lastError === null) return [{ code: 'cognito_pending', parameters: {} }];
  const parameters = { lastError, attempts, nextAttemptAt: nextAttemptAt?.toISOString() ?? null };
  return [{ code: 'cognito_failing', parameters }];
}

const warningReason = ({ cognito, email }: AccountView): Reason[] =>
  cognito.warning && email !== null ? [{ code: cognito.warning, parameters: { email } }] : [];
