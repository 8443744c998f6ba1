/** `npm run okta -- <verb>` does the work of an Okta administrator in the sandbox Okta. */
import { Option, type Command } from 'commander';
import { runProgram, type AnyCommand, type Entry, type Io, type ProgramSpec } from '#command-line';
import { appVerbs } from './app-verbs.js';
import { listings } from './listings.js';
import { verbs } from './verbs.js';

const commands: readonly AnyCommand[] = [...verbs, ...appVerbs, ...listings];

const entry = (command: AnyCommand): Entry => ({
  name: command.usage.split(' ')[0] ?? '',
  summary: command.summary,
  load: async () => command,
});

export const okta: ProgramSpec = {
  name: 'okta',
  description:
    'Administers the sandbox Okta of the running stack. To administer StackFlow, use "npm run stackflow". Each verb prints the SCIM requests that Okta sends, in Okta\'s order, and the deliveries of its event hook.',
  examples: ['assign ada@example.com', 'push-group StackFlow-Agents ada@example.com', 'tasks', 'retry-tasks'],
  entries: commands.map(entry),
  options: (command: Command) =>
    command.addOption(
      new Option('--tenant <slug>', 'tenant whose app the verb uses; required only if there are several apps'),
    ),
};

export const runOktaCli = (args: readonly string[], io?: Io): Promise<number> => runProgram(okta, args, io);
