/** The codes of identity-service as sentences for the administrator who has the question. */
import type { AccountView, Json, Reason } from '#contracts';
import { instant } from '#command-line';

type Typed = (command: string) => string;

type Sentence<C> = (of: Extract<Reason, { readonly code: C }>['parameters'], userName: string, typed: Typed) => string;

const REASONS: { readonly [C in Reason['code']]: Sentence<C> } = {
  removed: () => 'No role: the user was deleted in the directory.',
  inactive: (of, userName, typed) =>
    `No role in effect: the user is deactivated or suspended, or was never active; "${typed(`offboarding show ${userName}`)}" tells which. With access back, the roles are: ${list(of.assignedRoles)}.`,
  settings_missing: () => 'No role: the settings of this tenant have not arrived at identity-service yet.',
  group_sync_off: (of, _userName, typed) =>
    `Group sync is off, so roles stay as they were when it was switched off: ${list(of.roles)}. Groups and mappings do not count until it is on again: ${typed('tenants configure --group-sync on')}`,
  has_roles: (of) =>
    `Has ${list(of.roles)} by mapping version ${of.mappingVersion}; ${of.primaryRole} is the primary role.`,
  no_groups: () =>
    'No role: the user is in no group that Okta pushed. Add the group under Push Groups in Okta, and the user to the group; if both are so already, "Push now" repeats it.',
  no_mapped_group: ({ groups, mappingVersion }, _userName, typed) => {
    const names = groups.map(({ name, group }) => (name === null ? group : `"${name}"`)).join(', ');
    return `No role: none of the user's groups (${names}) is mapped to a role in mapping version ${mappingVersion}. Map one: ${typed(`tenants configure --map '${groups.find(({ name }) => name !== null)?.name ?? '<group>'}=<role>'`)}`;
  },
  loss_held: ({ wouldLose, cause, heldAt, heldBecause }, userName, typed) => {
    return `Nothing gives ${list(wouldLose)} any more (${cause}), but the loss is held since ${instant(heldAt)}, because ${heldSentence[heldBecause]}. Release it with "${typed(`offboarding release ${userName}`)}", or undo the change in Okta; after the time limit of the brake it happens by itself.`;
  },
  group_deleted: (of) => `${group(of)} was deleted and gives nothing.`,
  group_gives_roles: (of) => `${group(of)} gives ${list(of.roles)}.`,
  group_not_mapped: (of) => `${group(of)} is not mapped to a role.`,
  cognito_none: () => 'Cognito does not have the user: the account was never active.',
  cognito_pending: () => 'Cognito does not show the latest change yet.',
  cognito_failing: ({ lastError, attempts, nextAttemptAt }, userName, typed) => {
    return `Cognito does not show the latest change: ${lastError} (attempt ${attempts}, next ${instant(nextAttemptAt, 'unknown')}). To try at once: ${typed(`accounts retry ${userName}`)}`;
  },
  email_left_out: (of) => `Warning: ${emailLeftOut(of.email)}`,
};

export const reasonSentence = (reason: Reason, userName: string, typed: Typed): string =>
  (REASONS[reason.code] as Sentence<Reason['code']>)(reason.parameters, userName, typed);

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
