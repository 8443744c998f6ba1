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

const APPS: Readonly<Record<Mode, string>> = { aiw: 'custom app', oin: 'catalog app' };
const REQUESTS: Readonly<Record<Mode, string>> = {
  aiw: "Custom app: a customer made it with Okta's App Integration Wizard (aiw). It pushes with GET, POST and PUT.",
  oin: 'Catalog app: it comes from the Okta Integration Network (oin). It pushes with PATCH, too.',
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
  const brief = options.brief ?? false;
  const tools: Tools = { okta, pool, records, brake, tenantId, print: brief ? () => undefined : print };
  const person = newPerson();
  print(`== ${REQUESTS[mode]}\n`);
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
      if (brief) print(lineOf(result));
      if (result.wrong.length > 0) return results;
    }
    if (!options.keep) await tidyUp(tools, stack, person);
    if (brief) print('');
    return results;
  } finally {
    pool.close();
    await records.close();
  }
}

/** Shows a passed test with the duration of its slowest step, and a failed test with the reason. */
function lineOf({ test, wrong, slowest }: Result): string {
  return wrong.length === 0
    ? `PASS ${`${slowest} ms`.padStart(8)}  ${test}`
    : `FAIL ${' '.repeat(8)}  ${test}: ${wrong.join('; ')}`;
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
  .option('--keep', 'leave the people of this run in Okta and in StackFlow; otherwise both are deleted at the end')
  .option('--brief', 'print one line for each test, without the timelines')
  .action(async (options: Options) => {
    const folder = process.env.STACK_DIR || '.local';
    const stack = await readStack(folder);
    if (stack.carrier === 'kafka')
      print('Kafka carries the events. The timeline does not show their publication, which only Kafka records.\n');
    const modes: readonly Mode[] = options.mode ? [options.mode] : ['aiw', 'oin'];
    const all: { mode: Mode; result: Result }[] = [];
    for (const mode of modes)
      for (const result of await demonstrate(stack, folder, mode, options)) all.push({ mode, result });
    if (!options.brief) for (const { mode, result } of all) print(`${APPS[mode].padEnd(11)}  ${lineOf(result)}`);
    const passed = all.filter(({ result }) => result.wrong.length === 0).length;
    const wanted = modes.length * TESTS;
    const complete = passed === wanted;
    print(`${complete ? 'PASS' : 'FAIL'}: ${passed} of ${wanted} tests passed.`);
    if (!complete) process.exitCode = 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!isProblem(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
