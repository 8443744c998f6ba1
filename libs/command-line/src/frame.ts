import { CommanderError } from 'commander';
import { isCompletion, printCompletion } from './completion.js';
import { processEnvironment, typedAs, type Environment } from './environment.js';
import { EXIT } from './exit-codes.js';
import type { Stdin } from './inputs.js';
import { buildProgram, type Chosen, type ProgramSpec } from './program.js';
import { Refusal } from './refusal.js';
import { PLAIN, screenOf, type Screen } from './screen.js';

/** Input, output and environment of a program. The defaults are those of this process. */
export interface Io {
  readonly env?: Environment;
  readonly out?: (text: string) => void;
  readonly err?: (text: string) => void;
  readonly stdin?: Stdin;
  readonly screen?: Screen;
}

/** Runs one command line and returns the exit code. Throws only if there is a bug. */
export async function runProgram(spec: ProgramSpec, args: readonly string[], io: Io = {}): Promise<number> {
  const env = io.env ?? processEnvironment();
  const out = io.out ?? ((text: string) => void process.stdout.write(text));
  const err = io.err ?? ((text: string) => void process.stderr.write(text));
  const prefix = typedAs(spec.name, env);
  const typed = (command: string): string => `${prefix} ${command}`;
  const note = (text: string): void => err(`${text}\n`);
  let chosen: Chosen | undefined;
  try {
    if (isCompletion(args)) return await printCompletion(spec, args, out);
    const output = { writeOut: out, writeErr: err };
    const program = await buildProgram(spec, args, { prefix, output, choose: (choice) => (chosen = choice) });
    await program.parseAsync(args, { from: 'user' });
    if (!chosen) return EXIT.usage;
    const { flags, args: given } = chosen;
    const screen = flags.json ? PLAIN : (io.screen ?? (io.out ? PLAIN : screenOf(process.stdout)));
    const call = { args: given, flags: flags as never, env, screen, stdin: io.stdin ?? process.stdin, typed, note };
    const answer = await chosen.spec.run(call);
    out(`${flags.json ? JSON.stringify(answer.json, null, 2) : answer.text}\n`);
    if (answer.warning !== undefined) err(`${answer.warning}\n`);
    return answer.exitCode ?? EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const refusal = error instanceof Refusal ? error : spec.explain?.(error, { typed });
    if (!refusal) throw error;
    err(`${refusal.message}\n`);
    return refusal.exitCode;
  }
}

/** Runs the program in this process. A reader that closes the pipe early, as `head` does, causes no error. */
export async function runMain(spec: ProgramSpec): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
  try {
    process.exitCode = await runProgram(spec, process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`This is a bug of "${spec.name}":\n${(error as Error).stack ?? String(error)}\n`);
    process.exitCode = EXIT.bug;
  }
}
