/** Options as data. Each stands under the name of its flag, so the types of a command's flags follow from its table. */
import { Option } from 'commander';
import { usage } from './refusal.js';
import { loggedInUser } from './environment.js';
import type { Call, CommandSpec } from './program.js';

/** An option whose value has the type T. */
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

/** `--all`. */
export const flag = (flags: string, help: string): TypedOption<boolean | undefined> => typed(flags, help);

/** `--no-wait`: true unless it is given. */
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

/** The options of every command that changes something; see {@link operator}. */
export const audited = { by: option('--by <name>', 'who answers for it; if left out, the user who is logged in here') };

/** The person who answers for a change; audits and evidence name them. */
export function operator(by: string | undefined): string {
  const user = by ?? loggedInUser();
  if (user === undefined) throw usage('Say with --by <name> who answers for it. The name is kept in the audit.');
  return user;
}

/** Makes the commands of a program; P are the flags that all of them have. */
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
