/**
 * `npm run demo` runs the tests of the product page against the running stack, with both kinds of Okta app, and prints
 * a timeline.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { Brake } from './brake.js';
import { Okta, type Mode } from './okta.js';
import { signIn } from './sign-in.js';
import { isProblem, readStack, type Stack } from './stack.js';
import type { Result, Tools } from './step.js';
import { assignUser, changeGroup, MANAGERS, newPerson, suspendUser, tidyUp, unassignUser } from './tests.js';
import { Records } from './timeline.js';
import { UserPoolReader } from './user-pool.js';

const APPS: Readonly<Record<Mode, string>> = { aiw: 'custom app (AIW)', oin: 'catalog app (OIN)' };
const REQUESTS: Readonly<Record<Mode, string>> = {
  aiw: 'a customer made this app in Okta. It pushes with GET, POST and PUT.',
  oin: "the app comes from Okta's catalog. It pushes with PATCH, too.",
};

interface Options {
  readonly mode?: Mode;
  readonly pace?: number;
  readonly keep?: boolean;
  readonly brief?: boolean;
}

const print = (line: string): void => console.log(line);
const TESTS = 5;

async function demonstrate(stack: Stack, folder: string, mode: Mode, options: Options): Promise<Result[]> {
  const tenantId = stack.tenants[0].id;
  const okta = new Okta(stack.sandbox.okta, stack.tenants[0].slug, mode, options.pace);
  const pool = new UserPoolReader(stack);
  const records = await Records.open(stack, folder);
  const brake = new Brake(stack, folder, print);
  const tools: Tools = { okta, pool, records, brake, tenantId, print, brief: options.brief ?? false };
  const person = newPerson();
  print(`== ${APPS[mode]}: ${REQUESTS[mode]}\n`);
  try {
    const results: Result[] = [];
    for (const test of [
      () => assignUser(tools, person),
      () => changeGroup(tools, person),
      () => signIn(tools, stack, person, MANAGERS.role),
      () => unassignUser(tools, person, MANAGERS.role),
      () => suspendUser(tools, person, MANAGERS.role),
    ]) {
      const result = await test();
      results.push(result);
      if (result.wrong.length > 0) return results;
    }
    if (!options.keep) await tidyUp(tools, person);
    return results;
  } finally {
    pool.close();
    await records.close();
  }
}

const milliseconds = (value: string): number => {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('must be a number of milliseconds');
  return Number(value);
};

const program = new Command('demo')
  .description('Runs the tests of the product page with the sandbox Okta of the running stack, and prints a timeline.')
  .addOption(
    new Option('--mode <mode>', 'only one kind of Okta app: custom (aiw) or catalog (oin)').choices(['aiw', 'oin']),
  )
  .option('--pace <ms>', 'pause between two requests of Okta; default: 200-250 ms, as recorded from Okta', milliseconds)
  .option('--keep', 'leave the people of this run in their group')
  .option('--brief', 'print the results and durations without the timelines')
  .action(async (options: Options) => {
    const folder = process.env.STACK_DIR || '.local';
    const stack = await readStack(folder);
    if (stack.carrier === 'kafka')
      print('Kafka carries the events. The timeline does not show their publication, which only Kafka records.\n');
    const modes: readonly Mode[] = options.mode ? [options.mode] : ['aiw', 'oin'];
    const lines: string[] = [];
    let passed = 0;
    for (const mode of modes)
      for (const { test, wrong } of await demonstrate(stack, folder, mode, options)) {
        if (wrong.length === 0) passed++;
        lines.push(`${wrong.length === 0 ? 'PASS' : 'FAIL'}  ${APPS[mode].padEnd(17)}  ${test}`);
      }
    lines.forEach(print);
    const complete = passed === modes.length * TESTS;
    print(complete ? 'PASS' : 'FAIL');
    if (!complete) process.exitCode = 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!isProblem(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
