/** `npm run okta -- <verb>`: an Okta administrator's hands on the sandbox Okta of the running stack. */
import { loadConfig, text } from '#platform';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { modes } from '../okta/model.js';
import { logoutFaults } from '../okta/oidc/universal-logout.js';
import {
  CliProblem,
  deliveryLines,
  exchangeLine,
  logoutLines,
  OktaClient,
  tokenKinds,
  verdictLine,
  type RunOptions,
  type TokenKind,
} from './client.js';

const settings = {
  STACK_DIR: text({
    purpose: 'Folder in which the running stack describes itself.',
    example: '.local',
    default: '.local',
  }),
};

type Print = (line: string) => void;
interface Io {
  readonly out: Print;
  readonly err: Print;
  readonly env?: NodeJS.ProcessEnv;
}

const terminal: Io = { out: (line) => console.log(line), err: (line) => console.error(line) };

/** The exit code: 0, or 1 for a failed task, a bad command line, no stack. */
export async function runOktaCli(args: readonly string[], io: Io = terminal): Promise<number> {
  const cli = new Cli(new OktaClient(loadConfig('okta', settings, io.env).STACK_DIR), io);
  try {
    await cli.program.parseAsync([...args], { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof CliProblem)) throw error;
    io.err(error.message);
    return 1;
  }
}

const milliseconds = (value: string): number => {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('must be a number of milliseconds');
  return Number(value);
};

interface ProfileOptions extends RunOptions {
  readonly firstName?: string;
  readonly lastName?: string;
  readonly email?: string;
  readonly displayName?: string;
  readonly title?: string;
  readonly department?: string;
}

class Cli {
  exitCode = 0;
  readonly program: Command;

  constructor(
    private readonly okta: OktaClient,
    private readonly io: Io,
  ) {
    const write = (print: Print) => (text: string) => print(text.replace(/\n$/, ''));
    this.program = new Command('okta')
      .description(
        "The sandbox Okta of the running stack. Each verb prints the SCIM requests that Okta sends, in Okta's order, and what its event hook carries.",
      )
      .exitOverride()
      .configureOutput({ writeOut: write(io.out), writeErr: write(io.err) });
    this.people();
    this.groups();
    this.app();
    this.universalLogout();
    this.tokens();
    this.listings();
  }

  private people(): void {
    this.withProfile(this.verb('assign <login>', 'assign a person to the app (created in Okta if new)')).action(
      (login: string, o: ProfileOptions) => this.run('assign', o, { login, profile: profileOf(o) }),
    );
    this.verb('unassign <login>', 'take the app away from a person: Okta deactivates the user').action(
      this.about('unassign'),
    );
    this.withProfile(this.verb('update <login>', 'change the profile of a person'))
      .option('--login <login>', 'new login')
      .action((login: string, o: ProfileOptions & { login?: string }) =>
        this.run('update', o, { login, newLogin: o.login, profile: profileOf(o) }),
      );
    this.verb('deactivate <login>', 'deactivate the person in Okta').action(this.about('deactivate'));
    this.verb('suspend <login>', 'suspend the person in Okta, which sends no SCIM request, only an event').action(
      this.about('suspend'),
    );
    this.verb('unsuspend <login>', 'end a suspension, which sends no SCIM request either').action(
      this.about('unsuspend'),
    );
    this.verb('delete <login>', 'delete a deactivated person for good, which sends no SCIM request either').action(
      this.about('delete'),
    );
  }

  private groups(): void {
    const withMembers = (verb: string) => (group: string, members: string[], o: RunOptions) =>
      this.run(verb, o, { group, members });
    this.verb(
      'push-group <group> [members...]',
      'push a group (created in Okta if new) with its active, assigned members',
    ).action(withMembers('push-group'));
    this.verb('push-now <group>', 'push the whole member list again').action((group: string, o: RunOptions) =>
      this.run('push-now', o, { group }),
    );
    this.verb('rename-group <group> <new-name>', 'rename a group').action(
      (group: string, newName: string, o: RunOptions) => this.run('rename-group', o, { group, newName }),
    );
    this.verb('add-member <group> <logins...>', 'add people to a group (created in Okta if new)').action(
      withMembers('add-member'),
    );
    this.verb('remove-member <group> <logins...>', 'remove people from a group').action(withMembers('remove-member'));
    this.verb('unlink-group <group>', 'end the push of a group and delete it on the SCIM server')
      .option('--leave', 'leave the group on the SCIM server')
      .action((group: string, o: RunOptions & { leave?: boolean }) =>
        this.run('unlink-group', o, { group, delete: o.leave !== true }),
      );
  }

  private app(): void {
    this.verb('import', 'read all users and groups of the SCIM server').action((o: RunOptions) =>
      this.run('import', o, {}),
    );
    this.verb('test-connection', 'what Okta does when the settings are saved').action((o: RunOptions) =>
      this.run('test-connection', o, {}),
    );
  }

  private universalLogout(): void {
    this.program
      .command('universal-logout <login>')
      .description('end all sessions of a person: those with Okta, and over Universal Logout those with the app')
      .option('--tenant <slug>', 'tenant whose app this is about', 'default')
      .addOption(new Option('--fault <fault>', 'what is wrong with the request').choices(logoutFaults))
      .action(async (login: string, { tenant, fault }: { tenant: string; fault?: string }) => {
        const result = await this.okta.universalLogout(tenant, login, fault);
        for (const line of logoutLines(result)) this.io.out(line);
        if (result.attempts.some((a) => a.status !== 204)) this.exitCode = 1;
      });
  }

  /** Alone on its line, for `$(npm run --silent okta -- token ...)`. */
  private tokens(): void {
    this.program
      .command('token <login>')
      .description("a token of Okta for a person who has the app, as after a login: of the tenant's OIDC client")
      .option('--tenant <slug>', 'tenant whose app this is about', 'default')
      .addOption(new Option('--kind <kind>', 'which token').choices(tokenKinds).default('access_token'))
      .option('--scope <scopes>', 'scopes of it, with commas')
      .action(async (login: string, o: { tenant: string; kind: TokenKind; scope?: string }) =>
        this.io.out(await this.okta.token(o.tenant, login, o.kind, o.scope?.split(','))),
      );
  }

  private listings(): void {
    const listing = (name: string, description: string) =>
      this.program
        .command(name)
        .description(description)
        .option('--tenant <slug>', 'tenant whose org to look at', 'default');
    listing('list', 'people and groups in Okta').action(async ({ tenant }: { tenant: string }) => {
      const [{ people }, { groups }] = [await this.okta.list('people', tenant), await this.okta.list('groups', tenant)];
      for (const p of people)
        this.io.out(
          `${p.login.padEnd(44)} ${p.status.padEnd(13)} ${(p.assigned ? 'assigned' : 'not assigned').padEnd(13)} ${p.remoteId ?? ''}`,
        );
      for (const g of groups)
        this.io.out(
          `${g.name.padEnd(44)} ${(g.push ? `pushed, ${g.push.status}` : 'not pushed').padEnd(27)} ${g.members.join(' ')}`,
        );
      if (people.length + groups.length === 0)
        this.io.out('nobody yet; try: npm run okta -- assign anna.lee@example.com');
    });
    listing('tasks', 'failed provisioning tasks, as in Dashboard -> Tasks').action(
      async ({ tenant }: { tenant: string }) => {
        const { tasks } = await this.okta.list('tasks', tenant);
        for (const t of tasks)
          this.io.out(`${t.created_at}  ${[t.verb, t.subject].join(' ').trim()}: ${t.detail ?? '(no reason given)'}`);
        if (tasks.length === 0) this.io.out('no failed tasks');
      },
    );
    listing('hooks', 'what the event hook carried, also what was put off').action(
      async ({ tenant }: { tenant: string }) => {
        const { deliveries } = await this.okta.list('deliveries', tenant);
        for (const line of deliveries.flatMap(deliveryLines)) this.io.out(line);
        if (deliveries.length === 0) this.io.out('the event hook carried nothing since the sandbox started');
      },
    );
  }

  private verb(usage: string, description: string): Command {
    return this.program
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
        milliseconds,
      );
  }

  private withProfile(command: Command): Command {
    return command
      .option('--first-name <name>')
      .option('--last-name <name>')
      .option('--email <address>')
      .option('--display-name <name>')
      .option('--title <title>')
      .option('--department <department>');
  }

  private about(verb: string) {
    return (login: string, o: RunOptions): Promise<void> => this.run(verb, o, { login });
  }

  private async run(verb: string, options: RunOptions, body: object): Promise<void> {
    const result = await this.okta.run(verb, options, body);
    for (const exchange of result.exchanges) this.io.out(exchangeLine(exchange));
    for (const line of result.deliveries.flatMap(deliveryLines)) this.io.out(line);
    if (result.note !== null) this.io.out(result.note);
    this.io.out(verdictLine(result));
    if (!result.ok) this.exitCode = 1;
  }
}

const profileOf = ({ firstName, lastName, email, displayName, title, department }: ProfileOptions): object => ({
  firstName,
  lastName,
  email,
  displayName,
  title,
  department,
});
