/** The codes of identity-service as sentences for the administrator who has the question. */
import type { AccountView, Json, Reason } from '#contracts';
import { instant } from '#command-line';

type Typed = (command: string) => string;

export function reasonSentence(reason: Reason, userName: string, typed: Typed): string {
  switch (reason.code) {
    case 'removed':
      return 'No role: the user was deleted in the directory.';
    case 'inactive':
      return `No role in effect: the user is deactivated or suspended, or was never active; "${typed(`offboarding show ${userName}`)}" tells which. With access back, the roles are: ${list(reason.parameters.assignedRoles)}.`;
    case 'settings_missing':
      return 'No role: the settings of this tenant have not arrived at identity-service yet.';
    case 'group_sync_off':
      return `Group sync is off, so roles stay as they were when it was switched off: ${list(reason.parameters.roles)}. Groups and mappings do not count until it is on again: ${typed('tenants configure --group-sync on')}`;
    case 'has_roles':
      return `Has ${list(reason.parameters.roles)} by mapping version ${reason.parameters.mappingVersion}; ${reason.parameters.primaryRole} is the primary role.`;
    case 'no_groups':
      return 'No role: the user is in no group that Okta pushed. Add the group under Push Groups in Okta, and the user to the group; if both are so already, "Push now" repeats it.';
    case 'no_mapped_group': {
      const { groups, mappingVersion } = reason.parameters;
      const names = groups.map(({ name, group }) => (name === null ? group : `"${name}"`)).join(', ');
      return `No role: none of the user's groups (${names}) is mapped to a role in mapping version ${mappingVersion}. Map one: ${typed(`tenants configure --map '${groups.find(({ name }) => name !== null)?.name ?? '<group>'}=<role>'`)}`;
    }
    case 'loss_held': {
      const { wouldLose, cause, heldAt, heldBecause } = reason.parameters;
      return `Nothing gives ${list(wouldLose)} any more (${cause}), but the loss is held since ${instant(heldAt)}, because ${heldSentence[heldBecause]}. Release it with "${typed(`offboarding release ${userName}`)}", or undo the change in Okta; after the time limit of the brake it happens by itself.`;
    }
    case 'group_deleted':
      return `${group(reason.parameters)} was deleted and gives nothing.`;
    case 'group_gives_roles':
      return `${group(reason.parameters)} gives ${list(reason.parameters.roles)}.`;
    case 'group_not_mapped':
      return `${group(reason.parameters)} is not mapped to a role.`;
    case 'cognito_none':
      return 'Cognito does not have the user: the account was never active.';
    case 'cognito_pending':
      return 'Cognito does not show the latest change yet.';
    case 'cognito_failing': {
      const { lastError, attempts, nextAttemptAt } = reason.parameters;
      return `Cognito does not show the latest change: ${lastError} (attempt ${attempts}, next ${instant(nextAttemptAt, 'unknown')}). To try at once: ${typed(`accounts retry ${userName}`)}`;
    }
    case 'email_left_out':
      return `Warning: ${emailLeftOut(reason.parameters.email)}`;
  }
}

const emailLeftOut = (email: string | null): string =>
  `Cognito does not get the e-mail address${email === null ? '' : ` "${email}"`}, because it would refuse the whole user because of it. Correct the address in Okta.`;

export const warningSentence = ({ email, cognito }: Pick<Json<AccountView>, 'email' | 'cognito'>): string | null =>
  cognito.warning === null ? null : emailLeftOut(email);

export const heldSentence = {
  threshold: 'more people than the brake allows were losing access or roles at once',
  last_admin: 'nobody else has the strongest role of this tenant',
} as const;

const list = (roles: readonly string[]): string => roles.join(', ') || 'none';
const group = ({ group, name }: { readonly group: string; readonly name: string | null }): string =>
  name === null ? `Group ${group} (its name has not arrived yet)` : `Group "${name}"`;
