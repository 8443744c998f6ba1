/** `npm run accounts -- list | show <who> | explain <who> | retry <who> | reconcile`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { AccountsClient } from './cli/client.js';
import { describeAccount, describeCompare, describeExplanation, describeList } from './cli/output.js';
import { CliError, EXIT, findTarget } from './cli/target.js';

export interface CliOptions {
  /** The process's environment, if left out. */
  readonly env?: NodeJS.ProcessEnv;
  readonly out?: (text: string) => void;
  readonly err?: (text: string) => void;
}

interface Flags {
  tenant?: string;
  url?: string;
  token?: string;
  json?: boolean;
  limit?: number;
  wait?: boolean;
}

interface Answer {
  readonly text: string;
  readonly json: unknown;
}
type Run = (client: AccountsClient, flags: Flags) => Promise<Answer>;

const POLL_MS = 300;

/** Runs one command; returns the exit code, throws only what is a bug. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<number> {
  const out = options.out ?? ((text: string) => process.stdout.write(text));
  const err = options.err ?? ((text: string) => process.stderr.write(text));
  let chosen: { run: Run; flags: Flags } | undefined;
  try {
    await commands((run, flags) => (chosen = { run, flags }), out, err).parseAsync(args, { from: 'user' });
    if (!chosen) return EXIT.usage;
    const { text, json } = await chosen.run(new AccountsClient(findTarget(chosen.flags, options.env)), chosen.flags);
    out(`${chosen.flags.json ? JSON.stringify(json, null, 2) : text}\n`);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof CliError)) throw error;
    err(`${error.message}\n`);
    return error.exitCode;
  }
}

function commands(
  choose: (run: Run, flags: Flags) => void,
  out: (text: string) => void,
  err: (text: string) => void,
): Command {
  const program = new Command('accounts')
    .description('Accounts of identity-service: their roles, why they have them, and whether Cognito shows it.')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
    .showHelpAfterError('(--help shows all commands)');
  const command = (usage: string, summary: string, run: (who: string) => Run): Command => {
    const sub = program.command(usage).description(summary);
    sub.copyInheritedSettings(program);
    return common(sub).action((...given: unknown[]) =>
      choose(run(typeof given[0] === 'string' ? given[0] : ''), sub.opts()),
    );
  };
  command('list', 'all accounts of a tenant', () => list).option('--limit <n>', 'at most this many', positive, 100);
  command(
    'show <who>',
    'one account with the history of its roles; <who> = user name, Okta user id or account id',
    show,
  );
  command('explain <who>', 'why the account has its roles, or none', explain);
  command('retry <who>', 'read the user back from Cognito and repair it now', retry);
  command('reconcile', 'compare the whole user pool with the accounts and repair what differs', () => reconcile).option(
    '--no-wait',
    'start it and return',
  );
  return program;
}

const common = (command: Command): Command =>
  command
    .option('--tenant <slug>', 'tenant, by slug or id; may be left out while there is one')
    .option('--url <url>', 'identity-service; else the local stack says where it is')
    .option('--token <token>', 'token of the internal API; else from the local stack')
    .option('--json', 'JSON instead of text');

function positive(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number above 0.');
  return number;
}

const list: Run = async (client, { tenant, limit }) => {
  const { accounts, more } = await client.list(await client.tenant(tenant), limit ?? 100);
  return { text: describeList(accounts, more), json: accounts };
};

const show =
  (who: string): Run =>
  async (client, { tenant }) => {
    const account = await client.account(await client.tenant(tenant), who);
    const { grants } = await client.grants(account);
    return { text: describeAccount(account, grants), json: { ...account, grants } };
  };

const explain =
  (who: string): Run =>
  async (client, { tenant }) => {
    const explanation = await client.explanation(await client.account(await client.tenant(tenant), who));
    return { text: describeExplanation(explanation), json: explanation };
  };

const retry =
  (who: string): Run =>
  async (client, { tenant }) => {
    const account = await client.account(await client.tenant(tenant), who);
    await client.retry(account);
    return {
      text: `${account.userName} is read back from Cognito and repaired now. "npm run accounts -- show ${account.userName}" tells the result.`,
      json: { account: account.id, retrying: true },
    };
  };

const reconcile: Run = async (client, { wait }) => {
  const { run } = await client.startCompare();
  for (;;) {
    const latest = await client.compare();
    if (wait === false || latest.id !== run || latest.state !== 'running') {
      if (latest.state === 'failed') throw new CliError(describeCompare(latest), EXIT.unavailable);
      return { text: describeCompare(latest), json: latest };
    }
    await sleep(POLL_MS);
  }
};

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
