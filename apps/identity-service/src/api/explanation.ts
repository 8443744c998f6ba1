/** Why an account has the roles that it has, in words for the administrator who asks. Pure. */
import type { TenantCopy } from '#settings';
import type { AccountView } from './accounts.sql.js';

export interface ExplainedGroup {
  readonly id: string;
  /** Null = its own events have not arrived yet. */
  readonly displayName: string | null;
  readonly deleted: boolean;
  /** Roles that the mappings in force give to its members. */
  readonly roles: readonly string[];
}

export interface Explanation {
  readonly account: AccountView;
  readonly groups: readonly ExplainedGroup[];
  readonly mappingVersion: number | null;
  readonly groupSync: boolean | null;
  /** One sentence each; the first one answers the question. */
  readonly reasons: readonly string[];
}

export function explain(account: AccountView, groups: readonly ExplainedGroup[], copy: TenantCopy | null): Explanation {
  return {
    account,
    groups,
    mappingVersion: copy?.version ?? null,
    groupSync: copy?.settings.groupSync ?? null,
    reasons: [
      rolesReason(account, groups, copy),
      ...heldReason(account),
      ...contributions(groups),
      ...cognitoReason(account),
      ...(account.cognito.warning === null ? [] : [`Warning: ${account.cognito.warning}.`]),
    ],
  };
}

function rolesReason(account: AccountView, groups: readonly ExplainedGroup[], copy: TenantCopy | null): string {
  if (account.status === 'removed') return 'No role: the user was deleted in the directory.';
  if (account.status === 'inactive')
    return `No role in effect: the user is deactivated or suspended, or was never active; "npm run offboarding -- show" tells which. With access back, the roles are: ${account.assignedRoles.join(', ') || 'none'}.`;
  if (!copy) return 'No role: the settings of this tenant have not arrived here yet.';
  if (!copy.settings.groupSync)
    return `Group sync is off, so roles stay as they were when it was switched off: ${account.roles.join(', ') || 'none'}. Groups and mappings do not count until it is on again.`;
  if (account.roles.length > 0)
    return `Has ${account.roles.join(', ')} by mapping version ${copy.version}; ${account.roles[0]} is the primary role.`;
  if (groups.length === 0)
    return 'No role: the user is in no group that Okta pushed. Add the group under Push Groups in Okta, and the user to the group; if both are so already, "Push now" repeats it.';
  const names = groups.map((g) => (g.displayName === null ? g.id : `"${g.displayName}"`)).join(', ');
  return `No role: none of the user's groups (${names}) is mapped to a role in mapping version ${copy.version}. Map the group in Admin -> Integration Hub -> Okta.`;
}

function heldReason({ heldRoleLoss: held }: AccountView): string[] {
  if (held === null) return [];
  const why = {
    threshold: 'too many people of this tenant were losing roles at once',
    last_admin: 'nobody else has the strongest role of this tenant',
  }[held.heldBecause];
  return [
    `Nothing gives ${held.wouldLose.join(', ')} any more (${held.cause}), but the loss is held since ${held.heldAt}, because ${why}. Release it with "npm run offboarding -- release", or undo the change; held for too long it happens by itself.`,
  ];
}

const contributions = (groups: readonly ExplainedGroup[]): string[] =>
  groups.map((g) => {
    const name = g.displayName === null ? `Group ${g.id} (its name has not arrived yet)` : `Group "${g.displayName}"`;
    if (g.deleted) return `${name} was deleted and gives nothing.`;
    return g.roles.length > 0 ? `${name} gives ${g.roles.join(', ')}.` : `${name} is not mapped to a role.`;
  });

function cognitoReason({ cognito }: AccountView): string[] {
  if (cognito.state === 'synced') return [];
  if (cognito.state === 'none') return ['Cognito does not have the user: the account was never active.'];
  if (cognito.lastError === null) return ['Cognito does not show the latest change yet.'];
  return [
    `Cognito does not show the latest change: ${cognito.lastError} (attempt ${cognito.attempts}, next ${cognito.nextAttemptAt?.toISOString() ?? 'unknown'}).`,
  ];
}
