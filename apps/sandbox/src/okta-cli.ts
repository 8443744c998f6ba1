/** `npm run okta -- <verb>`: an Okta administrator's hands on the sandbox Okta of the running stack. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig, text } from '#platform';
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { modes, type Mode } from './okta/model.js';
import type { VerbResult } from './okta/okta.js';

const settings = {
  STACK_DIR: text({
    purpose: 'Folder in which the running stack describes itself.',
    example: '.local',
    default: '.local',
  }),
};
const stackFile = z.object({ sandbox: z.object({ okta: z.url() }) });

interface Common {
  readonly mode?: Mode;
  readonly tenant: string;
  readonly pace?: number;
}

class CliError extends Error {}

async function oktaUrl(): Promise<string> {
  const file = join(loadConfig('okta', settings).STACK_DIR, 'stack.json');
  const content = await readFile(file, 'utf8').catch(() => undefined);
  if (content === undefined)
    throw new CliError(`no running stack: ${file} is not there. Start one with "npm start" and leave it running.`);
  const parsed = stackFile.safeParse(JSON.parse(content));
  if (!parsed.success) throw new CliError(`${file} names no sandbox Okta: this stack uses a real one.`);
  return parsed.data.sandbox.okta;
}

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const url = (await oktaUrl()) + path;
  const init =
    body === undefined
      ? { method }
      : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(url, init).catch(() => {
    throw new CliError(`the sandbox Okta does not answer at ${url}: is the stack still running?`);
  });
  const answer = (await response.json()) as T & { error?: string };
  if (!response.ok) throw new CliError(answer.error ?? `HTTP ${response.status}`);
  return answer;
}

async function run(verb: string, options: Common, body: object): Promise<void> {
  const query = new URLSearchParams({
    ...(options.mode && { mode: options.mode }),
    ...(options.pace !== undefined && { pace: String(options.pace) }),
  });
  const result = await call<VerbResult>(
    'POST',
    `/sandbox/apps/${encodeURIComponent(options.tenant)}/${verb}?${query.toString()}`,
    body,
  );
  for (const e of result.exchanges) {
    const time = new Date(e.startedAt).toISOString().slice(11, 23);
    console.log(
      `${time}  ${String(e.status ?? 'ERR').padEnd(3)}  ${e.ms.toFixed(0).padStart(5)} ms  ${e.method.padEnd(6)} ${decodeURIComponent(new URL(e.url).pathname + new URL(e.url).search)}${e.error ? `  ${e.error}` : ''}`,
    );
  }
  if (result.note) console.log(result.note);
  if (result.ok) console.log(`${verb} ${result.subject}: done (${result.mode.toUpperCase()})`);
  else {
    console.log(
      `${verb} ${result.subject}: FAILED. Okta's task says: ${result.task?.detail ?? '(nothing: Okta stopped silently, as it does when a list answer has strings for numbers)'}`,
    );
    process.exitCode = 1;
  }
}

const wholeNumber = (value: string): number => {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('must be a number of milliseconds');
  return Number(value);
};

const program = new Command('okta')
  .description(
    "The sandbox Okta of the running stack. Each verb prints the SCIM requests that Okta sends, in Okta's order.",
  )
  .showHelpAfterError()
  .configureHelp({ sortSubcommands: false });

function command(usage: string, description: string): Command {
  return program
    .command(usage)
    .description(description)
    .addOption(
      new Option(
        '--mode <mode>',
        "which of Okta's dialects: a customer's own app (aiw: GET, POST, PUT) or a catalogue app (oin: PATCH); default: the app's own",
      ).choices(modes),
    )
    .option('--tenant <slug>', 'tenant whose app this is about', 'default')
    .option(
      '--pace <ms>',
      'pause between two requests; 0 = none, default: as recorded of Okta, 200-250 ms',
      wholeNumber,
    );
}

const withProfile = (c: Command): Command =>
  c
    .option('--first-name <name>')
    .option('--last-name <name>')
    .option('--email <address>')
    .option('--display-name <name>')
    .option('--title <title>')
    .option('--department <department>');

interface ProfileOptions extends Common {
  readonly firstName?: string;
  readonly lastName?: string;
  readonly email?: string;
  readonly displayName?: string;
  readonly title?: string;
  readonly department?: string;
}
const profileOf = ({ firstName, lastName, email, displayName, title, department }: ProfileOptions): object => ({
  firstName,
  lastName,
  email,
  displayName,
  title,
  department,
});

withProfile(command('assign <login>', 'assign a person to the app (created in Okta if new)')).action(
  (login: string, o: ProfileOptions) => run('assign', o, { login, profile: profileOf(o) }),
);
command('unassign <login>', 'take the app away from a person: Okta deactivates the user').action(
  (login: string, o: Common) => run('unassign', o, { login }),
);
withProfile(command('update <login>', 'change the profile of a person'))
  .option('--login <login>', 'new login')
  .action((login: string, o: ProfileOptions & { login?: string }) =>
    run('update', o, { login, newLogin: o.login, profile: profileOf(o) }),
  );
command('deactivate <login>', 'deactivate the person in Okta').action((login: string, o: Common) =>
  run('deactivate', o, { login }),
);
command('suspend <login>', 'suspend the person in Okta, which sends no SCIM request').action(
  (login: string, o: Common) => run('suspend', o, { login }),
);
command('unsuspend <login>', 'end a suspension, which sends no SCIM request either').action(
  (login: string, o: Common) => run('unsuspend', o, { login }),
);
command(
  'push-group <group> [members...]',
  'push a group (created in Okta if new) with its active, assigned members',
).action((group: string, members: string[], o: Common) => run('push-group', o, { group, members }));
command('push-now <group>', 'push the whole member list again').action((group: string, o: Common) =>
  run('push-now', o, { group }),
);
command('rename-group <group> <new-name>', 'rename a group').action((group: string, newName: string, o: Common) =>
  run('rename-group', o, { group, newName }),
);
command('add-member <group> <logins...>', 'add people to a group').action(
  (group: string, members: string[], o: Common) => run('add-member', o, { group, members }),
);
command('remove-member <group> <logins...>', 'remove people from a group').action(
  (group: string, members: string[], o: Common) => run('remove-member', o, { group, members }),
);
command('unlink-group <group>', 'end the push of a group and delete it on the SCIM server')
  .option('--leave', 'leave the group on the SCIM server')
  .action((group: string, o: Common & { leave?: boolean }) =>
    run('unlink-group', o, { group, delete: o.leave !== true }),
  );
command('import', 'read all users and groups of the SCIM server').action((o: Common) => run('import', o, {}));
command('test-connection', 'what Okta does when the settings are saved').action((o: Common) =>
  run('test-connection', o, {}),
);

interface Listed {
  people: { login: string; status: string; assigned: boolean; remoteId: string | null }[];
  groups: { name: string; push: { status: string } | null; members: string[] }[];
  tasks: { created_at: string; verb: string; subject: string; detail: string | null }[];
}
const read = <K extends keyof Listed>(what: K, tenant: string): Promise<Pick<Listed, K>> =>
  call('GET', `/sandbox/apps/${encodeURIComponent(tenant)}/${what}`);

program
  .command('list')
  .description('people and groups in Okta')
  .option('--tenant <slug>', 'tenant whose org to list', 'default')
  .action(async ({ tenant }: { tenant: string }) => {
    const [{ people }, { groups }] = await Promise.all([read('people', tenant), read('groups', tenant)]);
    for (const p of people)
      console.log(
        `${p.login.padEnd(44)} ${p.status.padEnd(13)} ${(p.assigned ? 'assigned' : 'not assigned').padEnd(13)} ${p.remoteId ?? ''}`,
      );
    for (const g of groups)
      console.log(
        `${g.name.padEnd(44)} ${(g.push ? `pushed, ${g.push.status}` : 'not pushed').padEnd(27)} ${g.members.join(' ')}`,
      );
    if (people.length + groups.length === 0)
      console.log('nobody yet; try: npm run okta -- assign anna.lee@example.com');
  });
program
  .command('tasks')
  .description('failed provisioning tasks, as in Dashboard -> Tasks')
  .option('--tenant <slug>', 'tenant whose tasks to list', 'default')
  .action(async ({ tenant }: { tenant: string }) => {
    const { tasks } = await read('tasks', tenant);
    for (const t of tasks) console.log(`${t.created_at}  ${t.verb} ${t.subject}: ${t.detail ?? '(no reason given)'}`);
    if (tasks.length === 0) console.log('no failed tasks');
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CliError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
