/** Turns the codes of identity-service into sentences for an administrator. */
import type { AccountView, Json, Reason } from '#contracts';
import { instant } from '#command-line';

type Typed = (command: string) => string;

export function reasonSentence(reason: Reason, userName: string, typed: Typed): string {
  switch (reason.code) {
    case 'removed':
      return 'No role: the user was deleted in the directory.';
    case 'inactive':
      return `No role in effect: the user is deactivated or suspended, or was never active; "${typed(`offboarding show ${userName}`)}" shows which. If the user gets access again, the roles will be: ${list(reason.parameters.assignedRoles)}.`;
    case 'settings_missing':
      return 'No role: the settings of this tenant have not arrived at identity-service yet.';
    case 'group_sync_off':
      return `Group sync is off, so the roles have not changed since it was switched off: ${list(reason.parameters.roles)}. Groups and mappings have no effect until it is on again: ${typed('tenants configure --group-sync on')}`;
    case 'has_roles':
      return `The user has ${list(reason.parameters.roles)}, given by mapping version ${reason.parameters.mappingVersion}; ${reason.parameters.primaryRole} is the primary role.`;
    case 'no_groups':
      return 'No role: the user is in no group that Okta pushed. In Okta, add the group under Push Groups, and add the user to the group. If you have done both already, press "Push now" there.';
    case 'no_mapped_group': {
      const { groups, mappingVersion } = reason.parameters;
      const names = groups.map(({ name, group }) => (name === null ? group : `"${name}"`)).join(', ');
      return `No role: none of the user's groups (${names}) is mapped to a role in mapping version ${mappingVersion}. Map one: ${typed(`tenants configure --map '${groups.find(({ name }) => name !== null)?.name ?? '<group>'}=<role>'`)}`;
    }
    case 'loss_held': {
      const { wouldLose, cause, heldAt, heldBecause } = reason.parameters;
      return `No group gives ${list(wouldLose)} any more (${cause}), but the brake holds the loss since ${instant(heldAt)}, because ${heldSentence[heldBecause]}. Release it with "${typed(`offboarding release ${userName}`)}", or undo the change in Okta. Otherwise the loss happens automatically after the time limit of the brake.`;
    }
    case 'group_deleted':
      return `${group(reason.parameters)} was deleted, so it gives no roles.`;
    case 'group_gives_roles':
      return `${group(reason.parameters)} gives ${list(reason.parameters.roles)}.`;
    case 'group_not_mapped':
      return `${group(reason.parameters)} is not mapped to a role.`;
    case 'cognito_none':
      return 'Cognito does not have the user, because the account was never active.';
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
  `The e-mail address${email === null ? '' : ` "${email}"`} is not sent to Cognito, which would refuse the whole user because of this address. Correct the address in Okta.`;

export const warningSentence = ({ email, cognito }: Pick<Json<AccountView>, 'email' | 'cognito'>): string | null =>
  cognito.warning === null ? null : emailLeftOut(email);

export const heldSentence = {
  threshold: 'more people than the brake allows were losing access or roles at once',
  last_admin: 'nobody else has the strongest role of this tenant',
} as const;

const list = (roles: readonly string[]): string => roles.join(', ') || 'none';
const group = ({ group, name }: { readonly group: string; readonly name: string | null }): string =>
  name === null ? `Group ${group} (its name has not arrived yet)` : `Group "${name}"`;
