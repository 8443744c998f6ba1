/** A command declares its options as an object, so that TypeScript infers the types of the flags. */
import { Option } from 'commander';
import { usage } from './refusal.js';
import { loggedInUser } from './environment.js';
import type { Call, CommandSpec } from './program.js';

export interface TypedOption<T> extends Option {
  readonly valueType?: (value: T) => T;
}
export type OptionTable = Readonly<Record<string, Option>>;
export type FlagsOf<O extends OptionTable> = { readonly [K in keyof O]: O[K] extends TypedOption<infer T> ? T : never };

type Parse<T> = (text: string, before?: T) => T;

const typed = <T>(flags: string, help?: string, parse?: (text: string) => unknown): TypedOption<T> => {
  const made = new Option(flags, help);
  return parse ? made.argParser<unknown>(parse) : made;
};

/** An option without a value, such as `--all`. */
export const flag = (flags: string, help: string): TypedOption<boolean | undefined> => typed(flags, help);

/** An option such as `--no-wait`. Its value is true unless the option is given. */
export const negation = (flags: string, help: string): TypedOption<boolean> => typed(flags, help);

export const option = <T = string>(flags: string, help?: string, parse?: Parse<T>): TypedOption<T | undefined> =>
  typed(flags, help, parse);

export const required = <T = string>(flags: string, help: string, parse?: Parse<T>): TypedOption<T> =>
  typed<T>(flags, help, parse).makeOptionMandatory();

export const preset = <T>(flags: string, help: string, parse: Parse<T>, value: T, shown?: string): TypedOption<T> =>
  typed<T>(flags, help, parse).default(value, shown);

export const choice = <T extends string, D extends T | undefined = undefined>(
  flags: string,
  help: string,
  choices: readonly T[],
  value?: D,
): TypedOption<T | D> => typed<T | D>(flags, help).choices(choices).default(value);

/** The option `--by` of every command that changes something; see {@link operator}. */
export const audited = {
  by: option(
    '--by <name>',
    'who is responsible for the change; if left out, STACKFLOW_OPERATOR or, for a local stack, the user who is logged in',
  ),
};

type AuditedCall = Pick<Call<{ readonly by?: string; readonly credentialFile?: string }>, 'flags' | 'env'>;

/**
 * Returns the name of the person who is responsible for a change. Audits and evidence contain this name. The logged-in
 * user counts only with the credential of a local stack, because in a container it is the user of the image.
 */
export function operator({ flags, env }: AuditedCall): string {
  const isLocal = flags.credentialFile === undefined && !env.INTERNAL_API_CREDENTIAL;
  const person = (flags.by ?? env.STACKFLOW_OPERATOR) || (isLocal ? loggedInUser() : undefined);
  if (person !== undefined) return person;
  throw usage(
    'Name the person who is responsible with --by <name> or STACKFLOW_OPERATOR. The name is stored in the audit.',
  );
}

/** Returns a function that makes the commands of a program. P contains the flags that all these commands have. */
export const commandsWith =
  <P>() =>
  <O extends OptionTable = Readonly<Record<never, Option>>>({
    options,
    ...spec
  }: Omit<CommandSpec<unknown>, 'options' | 'run'> & {
    readonly options?: O;
    readonly run: (call: Call<P & FlagsOf<O>>) => ReturnType<CommandSpec<unknown>['run']>;
  }): CommandSpec<P & FlagsOf<O>> => ({
    ...spec,
    options: (command) => Object.values(options ?? {}).reduce((all, each) => all.addOption(each), command),
  });
