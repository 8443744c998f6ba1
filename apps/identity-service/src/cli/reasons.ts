/** One sentence for each reason of an explanation. */
import type { Reason } from '#contracts';
import type { Json } from '#platform';

const HELD_BECAUSE = {
  threshold: 'too many people of this tenant were losing roles at once',
  last_admin: 'nobody else has the strongest role of this tenant',
};

export const emailLeftOut = (email: string): string =>
  `the e-mail address ${JSON.stringify(email)} is left out: Cognito would refuse the user because of it. Correct it in Okta`;

const list = (roles: readonly string[]): string => roles.join(', ') || 'none';
const groupName = ({ group, name }: { readonly group: string; readonly name: string | null }): string =>
  name === null ? `Group ${group} (its name has not arrived yet)` : `Group "${name}"`;

export function describeReason(reason: Json<Reason>): string {
  switch (reason.code) {
    case 'removed':
      return 'No role: the user was deleted in the directory.';
    case 'inactive':
      return `No role in effect: the user is deactivated or suspended, or was never active; "npm run offboarding -- show" tells which. With access back, the roles are: ${list(reason.parameters.assignedRoles)}.`;
    case 'settings_missing':
      return 'No role: the settings of this tenant have not arrived here yet.';
    case 'group_sync_off':
      return `Group sync is off, so roles stay as they were when it was switched off: ${list(reason.parameters.roles)}. Groups and mappings do not count until it is on again.`;
    case 'has_roles': {
      const { roles, primaryRole, mappingVersion } = reason.parameters;
      return `Has ${roles.join(', ')} by mapping version ${mappingVersion}; ${primaryRole} is the primary role.`;
    }
    case 'no_groups':
      return 'No role: the user is in no group that Okta pushed. Add the group under Push Groups in Okta, and the user to the group; if both are so already, "Push now" repeats it.';
    case 'no_mapped_group': {
      const names = reason.parameters.groups.map(({ group, name }) => (name === null ? group : `"${name}"`)).join(', ');
      return `No role: none of the user's groups (${names}) is mapped to a role in mapping version ${reason.parameters.mappingVersion}. Map the group in Admin -> Integration Hub -> Okta.`;
    }
    case 'loss_held': {
      const { wouldLose, cause, heldAt, heldBecause } = reason.parameters;
      return `Nothing gives ${wouldLose.join(', ')} any more (${cause}), but the loss is held since ${heldAt}, because ${HELD_BECAUSE[heldBecause]}. Release it with "npm run offboarding -- release", or undo the change; held for too long it happens by itself.`;
    }
    case 'group_deleted':
      return `${groupName(reason.parameters)} was deleted and gives nothing.`;
    case 'group_gives_roles':
      return `${groupName(reason.parameters)} gives ${reason.parameters.roles.join(', ')}.`;
    case 'group_not_mapped':
      return `${groupName(reason.parameters)} is not mapped to a role.`;
    case 'cognito_none':
      return 'Cognito does not have the user: the account was never active.';
    case 'cognito_pending':
      return 'Cognito does not show the latest change yet.';
    case 'cognito_failing': {
      const { lastError, attempts, nextAttemptAt } = reason.parameters;
      return `Cognito does not show the latest change: ${lastError} (attempt ${attempts}, next ${nextAttemptAt ?? 'unknown'}).`;
    }
    case 'email_left_out':
      return `Warning: ${emailLeftOut(reason.parameters.email)}.`;
  }
}
