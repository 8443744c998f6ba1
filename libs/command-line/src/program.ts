/** A program has areas, and an area has verbs. The code of an area is loaded only when the area is used. */
import { Command, type OutputConfiguration } from 'commander';
import type { Environment } from './environment.js';
import type { ExitCode } from './exit-codes.js';
import type { Stdin } from './inputs.js';
import type { Refusal } from './refusal.js';
import type { Screen } from './screen.js';

export interface CommonFlags {
  readonly json?: boolean;
}

export interface Call<F> {
  /** Positional arguments. The values of a variadic argument are separate elements. */
  readonly args: readonly string[];
  readonly flags: F & CommonFlags;
  readonly env: Environment;
  readonly screen: Screen;
  readonly stdin: Stdin;
  readonly typed: Typed;
  /** Prints a line to standard error while the command runs: a question, or progress. */
  readonly note: (text: string) => void;
}

/** Returns how a person types a command of this program, e.g. `npm run stackflow -- accounts list`. */
export type Typed = (command: string) => string;

/** The output of a command: text for people, and data for `--json`. */
export interface Answer {
  readonly text: string;
  readonly json: unknown;
  /** A warning of a command that succeeded; it is printed to standard error. */
  readonly warning?: string;
  readonly exitCode?: ExitCode;
}

export interface CommandSpec<F> {
  /** For example `show <person>`, in the syntax of the library commander. */
  readonly usage: string;
  readonly summary: string;
  /** Arguments after the name of the program: `accounts show ada@example.com`. */
  readonly examples?: readonly string[];
  readonly options?: (command: Command) => Command;
  readonly run: (call: Call<F>) => Promise<Answer>;
}

export type AnyCommand = CommandSpec<never>;

/** An area (several commands below one name) or a single top-level command. `load` imports its code. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<AnyCommand | readonly AnyCommand[]>;
}

export interface ProgramSpec {
  readonly name: string;
  readonly description: string;
  readonly examples: readonly string[];
  readonly entries: readonly Entry[];
  /** Options of every command, for example `--tenant`. */
  readonly options?: (command: Command) => Command;
  /** Turns an error of a lower layer into a {@link Refusal}; returns undefined if the error is a bug. */
  readonly explain?: (error: unknown, call: Pick<Call<unknown>, 'typed'>) => Refusal | undefined;
}

/** The command that the arguments select; its arguments are valid. */
export interface Chosen {
  readonly spec: AnyCommand;
  readonly args: readonly string[];
  readonly flags: CommonFlags;
}

export interface Building {
  /** How a person types the name of the program here. */
  readonly prefix: string;
  readonly output?: OutputConfiguration;
  readonly choose?: (choice: Chosen) => void;
}

/** Builds the commander program. It loads only the code that `args` name, or all code if `args` is null. */
export async function buildProgram(
  spec: ProgramSpec,
  args: readonly string[] | null,
  building: Building,
): Promise<Command> {
  const program = new Command(spec.name)
    .description(spec.description)
    .exitOverride()
    .configureOutput(building.output ?? {})
    .showHelpAfterError('(--help shows all commands)')
    .addHelpText('after', examples(building, spec.examples));
  for (const entry of spec.entries) {
    const wanted = args === null || args[0] === entry.name || (args[0] === 'help' && args[1] === entry.name);
    const loaded = wanted ? await entry.load() : [];
    if ('run' in loaded) addCommand(program, spec, loaded, building);
    else {
      const area = program.command(entry.name).description(entry.summary);
      for (const each of loaded) addCommand(area, spec, each, building);
    }
  }
  program.command('completion <shell>').description('print the completion script for bash, zsh or fish');
  return program;
}

function addCommand(parent: Command, program: ProgramSpec, spec: AnyCommand, building: Building): void {
  const command = parent.command(spec.usage).description(spec.summary);
  spec.options?.(command);
  program.options?.(command);
  command.option('--json', 'print JSON instead of text');
  command.addHelpText('after', examples(building, spec.examples ?? []));
  command.action((...given: unknown[]) => {
    const args = given.slice(0, command.registeredArguments.length).flat();
    const texts = args.filter((argument): argument is string => typeof argument === 'string');
    building.choose?.({ spec, args: texts, flags: command.opts<CommonFlags>() });
  });
}

const examples = ({ prefix }: Building, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `\nExamples:\n${lines.map((line) => `  ${prefix} ${line}`).join('\n')}`;
