/** The frame of a command line over an internal API: parsing, `--json`, exit codes. Each command says what it does. */
import { userInfo } from 'node:os';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { CliError, EXIT } from './internal-client.js';

export interface CliOptions {
  /** The process's environment, if left out. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly out?: (text: string) => void;
  readonly err?: (text: string) => void;
}

/** What a command prints: prose for people, or with `--json` the data. */
export interface Answer {
  readonly text: string;
  readonly json: unknown;
}

/** Adds a subcommand with the flags that all have; its action is `run`, called with the first argument, the flags, and all arguments. */
export type AddCommand<F> = (
  usage: string,
  summary: string,
  run: (who: string, flags: F, all: readonly string[]) => Promise<Answer>,
) => Command;

export interface CommandLine<F> {
  readonly name: string;
  readonly description: string;
  /** Whose address and token `--url` and `--token` are. */
  readonly service: string;
  /** What `--tenant` means, where it is not one tenant. */
  readonly tenantFlag?: string;
  readonly commands: (add: AddCommand<F>) => void;
}

/** Runs one command; returns the exit code, throws only what is a bug. */
export async function runCommandLine<F extends { json?: boolean }>(
  line: CommandLine<F>,
  args: readonly string[],
  options: CliOptions = {},
): Promise<number> {
  const out = options.out ?? ((text: string) => process.stdout.write(text));
  const err = options.err ?? ((text: string) => process.stderr.write(text));
  let chosen: { answer: () => Promise<Answer>; json: boolean } | undefined;
  const program = new Command(line.name)
    .description(line.description)
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
    .showHelpAfterError('(--help shows all commands)');
  line.commands((usage, summary, run) => {
    const sub = program.command(usage).description(summary);
    sub.copyInheritedSettings(program);
    return common(sub, line).action((...given: unknown[]) => {
      const flags = sub.opts<F>();
      // A variadic argument (`<who...>`) comes as an array.
      const all = [given[0]].flat().filter((argument): argument is string => typeof argument === 'string');
      chosen = { answer: () => run(all[0] ?? '', flags, all), json: flags.json === true };
    });
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    if (!chosen) return EXIT.usage;
    const { text, json } = await chosen.answer();
    out(`${chosen.json ? JSON.stringify(json, null, 2) : text}\n`);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof CliError)) throw error;
    err(`${error.message}\n`);
    return error.exitCode;
  }
}

const ONE_TENANT = 'tenant, by slug or id; may be left out while there is one';

const common = <F>(command: Command, { service, tenantFlag = ONE_TENANT }: CommandLine<F>): Command =>
  command
    .option('--tenant <slug>', tenantFlag)
    .option('--url <url>', `${service}; else the local stack says where it is`)
    .option('--token <token>', 'token of the internal API; else INTERNAL_API_TOKEN, else from the local stack')
    .option('--json', 'JSON instead of text');

/** For an option that takes a count. */
export function positive(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number above 0.');
  return number;
}

const UNITS: Readonly<Record<string, number>> = { '': 1_000, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_GRACE_MS = 30 * 86_400_000;

/** `0`, `90s`, `30m`, `24h`, `7d` -> milliseconds. */
export function duration(value: string): number {
  const match = /^(\d{1,9})(s|m|h|d)?$/.exec(value.trim());
  const ms = match && Number(match[1]) * (UNITS[match[2] ?? ''] ?? NaN);
  if (ms === null || (match?.[2] === undefined && ms !== 0))
    throw new InvalidArgumentError('Write a number with s, m, h or d, for example 24h; or 0.');
  if (ms > LONGEST_GRACE_MS) throw new InvalidArgumentError('30 days (30d) is the longest grace.');
  return ms;
}

/** Whoever is logged in here. A container may run under a user id that has no entry in passwd: undefined then. */
export function loggedInUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
