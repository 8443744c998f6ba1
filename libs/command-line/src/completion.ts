/** The printed script asks the program for the next words, so a change of the commands needs no new script. */
import type { Command } from 'commander';
import { EXIT } from './exit-codes.js';
import { buildProgram, type ProgramSpec } from './program.js';
import { usage } from './refusal.js';

export const isCompletion = (args: readonly string[]): boolean =>
  args[0] === 'completion' && (args[1] === '--words' || !args.includes('--help'));

const SHELLS: Readonly<Record<string, (name: string) => string>> = {
  bash: (name) => `_${name}() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(${name} completion --words "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}`,
  zsh: (name) => `#compdef ${name}
_${name}() {
  local -a found
  found=(\${(f)"$(${name} completion --words "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  compadd -a found
}
compdef _${name} ${name}`,
  fish: (name) =>
    `complete -c ${name} -f -a "(${name} completion --words (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)"`,
};

export async function printCompletion(
  spec: ProgramSpec,
  [, shell = '', ...words]: readonly string[],
  out: (text: string) => void,
): Promise<number> {
  if (shell === '--words') {
    const program = await buildProgram(spec, words.slice(0, -1), { prefix: spec.name });
    for (const word of wordsAfter(program, words)) out(`${word}\n`);
    return EXIT.ok;
  }
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (!script) throw usage(`error: name a shell: ${Object.keys(SHELLS).join(', ')}.`);
  out(`${script(spec.name)}\n`);
  return EXIT.ok;
}

/** Returns the words that can complete the last of `words`. */
function wordsAfter(program: Command, words: readonly string[]): string[] {
  const typing = words.at(-1) ?? '';
  let command = program;
  for (const word of words.slice(0, -1)) command = command.commands.find((each) => each.name() === word) ?? command;
  const option = command.options.find((each) => each.required && each.long === words.at(-2));
  if (option) return (option.argChoices ?? []).filter((each) => each.startsWith(typing));
  const names = command.commands.map((each) => each.name());
  const options = typing.startsWith('-') ? command.options.flatMap((each) => each.long ?? []) : [];
  return [...names, ...options].filter((each) => each.startsWith(typing));
}
