/**
 * `npm run demo`: runs the tests of the product page against the running stack, as Okta does, in both of Okta's
 * dialects, and prints a timeline.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { Okta, type Mode } from './okta.js';
import { DemoProblem, readStack, type Stack } from './stack.js';
import { Brake } from './brake.js';
import { suspendUser, unassignUser } from './offboarding.js';
import { signIn } from './sign-in.js';
import type { Tools, Verdict } from './step.js';
import { assignUser, changeGroup, MANAGERS, newPerson, tidyUp } from './tests.js';
import { Records } from './timeline.js';
import { UserPoolReader } from './user-pool.js';

const DIALECTS: Readonly<Record<Mode, string>> = {
  aiw: "AIW: a customer's own Okta app (GET, POST, PUT)",
  oin: 'OIN: an app of the Okta catalogue (PATCH)',
};

interface Options {
  readonly mode?: Mode;
  readonly pace?: number;
  readonly keep?: boolean;
}

const print = (line: string): void => console.log(line);

const TESTS = 5;

async function demonstrate(stack: Stack, folder: string, mode: Mode, options: Options): Promise<Verdict[]> {
  const [tenant] = stack.tenants;
  if (!tenant) throw new DemoProblem('The stack has no tenant.');
  const records = await Records.open(stack);
  const pool = new UserPoolReader(stack);
  const okta = new Okta(stack.sandbox.okta, tenant.slug, mode, options.pace);
  const brake = new Brake(folder, tenant.id, print);
  const tools: Tools = { okta, pool, records, brake, tenantId: tenant.id, print };
  const person = newPerson();
  print(`== ${DIALECTS[mode]}\n`);
  try {
    const verdicts: Verdict[] = [];
    const tests = [
      () => assignUser(tools, person),
      () => changeGroup(tools, person),
      () => signIn(tools, stack, person, MANAGERS.role),
      () => unassignUser(tools, person, MANAGERS.role),
      () => suspendUser(tools, person, MANAGERS.role),
    ];
    for (const test of tests) {
      const verdict = await test();
      verdicts.push(verdict);
      if (verdict.wrong.length > 0) return verdicts;
    }
    if (!options.keep) await tidyUp(tools, person);
    return verdicts;
  } finally {
    pool.close();
    await records.close();
  }
}

function summary(results: readonly (readonly [Mode, Verdict])[], expected: number): boolean {
  for (const [mode, { test, wrong }] of results)
    print(`${wrong.length === 0 ? 'PASS' : 'FAIL'}  ${mode.toUpperCase()}  ${test}`);
  return results.length === expected && results.every(([, v]) => v.wrong.length === 0);
}

const milliseconds = (value: string): number => {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('must be a number of milliseconds');
  return Number(value);
};

const program = new Command('demo')
  .description('What the product page tells an administrator to try, done as Okta does it, with a timeline.')
  .addOption(new Option('--mode <mode>', "only one of Okta's dialects").choices(['aiw', 'oin']))
  .option('--pace <ms>', 'pause between two requests of Okta; default: as recorded of Okta, 200-250 ms', milliseconds)
  .option('--keep', 'leave the people of this run in their group')
  .action(async (options: Options) => {
    const folder = process.env.STACK_DIR || '.local';
    const stack = await readStack(folder);
    if (stack.carrier === 'kafka')
      print('Events travel on Kafka: when they were published is in the topic, not in this timeline.\n');
    const modes: readonly Mode[] = options.mode ? [options.mode] : ['aiw', 'oin'];
    const results: [Mode, Verdict][] = [];
    for (const mode of modes)
      for (const verdict of await demonstrate(stack, folder, mode, options)) results.push([mode, verdict]);
    const passed = summary(results, modes.length * TESTS);
    print(passed ? 'PASS' : 'FAIL');
    if (!passed) process.exitCode = 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof DemoProblem)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
