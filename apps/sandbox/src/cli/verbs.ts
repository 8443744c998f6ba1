/** The verbs about people and groups. Each is one action of an administrator, which Okta sends to the SCIM server. */
import { InvalidArgumentError } from 'commander';
import {
  choice,
  EXIT,
  flag,
  option,
  type Answer,
  type AnyCommand,
  type FlagsOf,
  type OptionTable,
} from '#command-line';
import type { Mode } from '../okta/model.js';
import type { VerbResult } from '../okta/okta.js';
import { command, onApp } from './client.js';
import { resultText } from './lines.js';

const MODES: readonly Mode[] = ['aiw', 'oin'];

const milliseconds = (value: string): number => {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('must be a number of milliseconds');
  return Number(value);
};

const runOptions = {
  mode: choice(
    '--mode <mode>',
    "kind of Okta app: a customer's own app (aiw: GET, POST, PUT) or a catalogue app (oin: PATCH); default: the kind of the connected app",
    MODES,
  ),
  pace: option(
    '--pace <ms>',
    'pause between two requests in milliseconds; 0 means no pause; default: 200-250 ms, as recorded from Okta',
    milliseconds,
  ),
};

export const answerOf = (results: readonly VerbResult[]): Answer => ({
  text: results.map(resultText).join('\n'),
  json: results.length === 1 ? results[0] : results,
  exitCode: results.every(({ ok }) => ok) ? EXIT.ok : EXIT.refused,
});

function verb<O extends OptionTable>(
  usage: string,
  summary: string,
  body: (args: readonly string[], flags: FlagsOf<O>) => object,
  options?: O,
): AnyCommand {
  const name = usage.split(' ')[0] ?? '';
  return command({
    usage,
    summary,
    options: { ...runOptions, ...options },
    run: onApp(async (okta, app, { args, flags }) =>
      answerOf([await okta.run(app, name, body(args, flags as unknown as FlagsOf<O>), flags)]),
    ),
  });
}

const profileOptions = {
  firstName: option('--first-name <name>'),
  lastName: option('--last-name <name>'),
  email: option('--email <address>'),
  displayName: option('--display-name <name>'),
  title: option('--title <title>'),
  department: option('--department <department>'),
};

const profileOf = (flags: FlagsOf<typeof profileOptions>): object => {
  const { firstName, lastName, email, displayName, title, department } = flags;
  return { firstName, lastName, email, displayName, title, department };
};

const person = ([login]: readonly string[]): object => ({ login });
const group = ([name]: readonly string[]): object => ({ group: name });
const withMembers = ([name, ...members]: readonly string[]): object => ({ group: name, members });

export const verbs: readonly AnyCommand[] = [
  verb(
    'assign <login>',
    'assign a person to the app; a new person is created in Okta first',
    ([login], flags) => ({ login, profile: profileOf(flags) }),
    profileOptions,
  ),
  verb('unassign <login>', 'unassign a person from the app, so that Okta deactivates the user', person),
  verb(
    'update <login>',
    'change the profile of a person',
    ([login], flags) => ({ login, newLogin: flags.login, profile: profileOf(flags) }),
    { ...profileOptions, login: option('--login <login>', 'new login') },
  ),
  verb('deactivate <login>', 'deactivate the person in Okta', person),
  verb('suspend <login>', 'suspend the person in Okta; Okta then sends an event but no SCIM request', person),
  verb('unsuspend <login>', 'end the suspension of a person; Okta then sends an event but no SCIM request', person),
  verb(
    'delete <login>',
    'delete a deactivated person permanently; Okta then sends an event but no SCIM request',
    person,
  ),
  verb(
    'push-group <group> [members...]',
    'push a group with its active, assigned members; a new group is created in Okta first',
    withMembers,
  ),
  verb('push-now <group>', 'push the whole member list again', group),
  verb('rename-group <group> <new-name>', 'rename a group', ([name, newName]) => ({ group: name, newName })),
  verb('add-member <group> <logins...>', 'add people to a group; a new group is created in Okta first', withMembers),
  verb('remove-member <group> <logins...>', 'remove people from a group', withMembers),
  verb(
    'unlink-group <group>',
    'end the push of a group and delete the group on the SCIM server',
    ([name], { leave }) => ({ group: name, delete: leave !== true }),
    { leave: flag('--leave', 'do not delete the group on the SCIM server') },
  ),
  verb('import', 'read all users and groups of the SCIM server', () => ({})),
  verb('test-connection', 'send the requests that Okta sends when an administrator saves the settings', () => ({})),
];
