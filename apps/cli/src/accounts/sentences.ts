/** Turns the reason codes of identity-service into sentences for administrators. */
import type { AccountView, Json, Reason } from '#contracts';
import { instant, type Typed } from '#command-line';

type Sentence<C> = (of: Extract<Reason, { readonly code: C }>['parameters'], userName: string, typed: Typed) => string;

const REASONS: { readonly [C in Reason['code']]: Sentence<C> } = {
  removed: () => 'No role: the user was deleted in the directory.',
  inactive: (of, userName, typed) =>
    `No role in effect: the user is deactivated or suspended, or was never active; "${typed(`offboarding show ${userName}`)}" shows the reason. If the user gets access again, the roles will be: ${list(of.assignedRoles)}.`,
  settings_missing: () => 'No role: the settings of this tenant have not arrived at identity-service yet.',
  group_sync_off: (of, _userName, typed) =>
    `Group sync is off, so the roles have not changed since it was switched off: ${list(of.roles)}. Groups and mappings have no effect until group sync is on again. Switch it on: ${typed('tenants configure --group-sync on')}`,
  has_roles: (of) =>
    `The user has ${list(of.roles)}, given by mapping version ${of.mappingVersion}; ${of.primaryRole} is the primary role.`,
  no_mapped_group: ({ mappingVersion }, _userName, typed) =>
    `No role: the user is in no pushed group that mapping version ${mappingVersion} names. In Okta, check that the group is under Push Groups and that the user is in it, and press "Push now" there. Or map another group: ${typed("tenants configure --map '<group>=<role>'")}`,
  loss_held: ({ wouldLose, cause, heldAt, heldBecause }, userName, typed) => {
    return `The user's groups no longer give ${list(wouldLose)} (${cause}). The brake has held this loss since ${instant(heldAt)}, because ${heldSentence[heldBecause]}. Release the loss with "${typed(`offboarding release ${userName}`)}", or undo the change in Okta. Otherwise the loss happens automatically after the time limit of the brake.`;
  },
  group_gives_roles: (of) => `${group(of)} gives ${list(of.roles)}.`,
  group_waits: (of, _userName, typed) =>
    `${group(of)} bears a mapped name that belonged to another group, or was renamed to it. It gives nobody new the mapped role until an administrator confirms it: ${typed(`tenants confirm-group ${of.group}`)}`,
  group_loading: (of) =>
    `${group(of)} gives ${list(of.roles)}. Its members are being read from scim-gateway; ask again in a few seconds.`,
  cognito_none: () => 'Cognito does not have the user, because the account was never active.',
  cognito_pending: () => 'Cognito does not show the latest change yet.',
  cognito_failing: ({ lastError, attempts, nextAttemptAt }, userName, typed) => {
    return `Cognito does not show the latest change: ${lastError} (attempt ${attempts}, next ${instant(nextAttemptAt, 'unknown')}). To try at once: ${typed(`accounts retry ${userName}`)}`;
  },
  email_left_out: (of) => `Warning: ${emailLeftOut(of.email)}`,
};

export const reasonSentence = (reason: Reason, userName: string, typed: Typed): string =>
  (REASONS[reason.code] as Sentence<Reason['code']>)(reason.parameters, userName, typed);

const emailLeftOut = (email: string | null): string =>
  `The e-mail address${email === null ? '' : ` "${email}"`} is not sent to Cognito, because Cognito would then refuse the whole user. Correct the address in Okta.`;

export const warningSentence = ({ email, cognito }: Pick<Json<AccountView>, 'email' | 'cognito'>): string | null =>
  cognito.warning === null ? null : emailLeftOut(email);

export const heldSentence = {
  threshold: 'more people than the brake allows were losing access or roles at once',
  last_admin: 'nobody else has the strongest role of this tenant',
} as const;

const list = (roles: readonly string[]): string => roles.join(', ') || 'none';
const group = ({ group, name }: { readonly group: string; readonly name: string | null }): string =>
  name === null ? `Group ${group} (its name has not arrived yet)` : `Group "${name}"`;
