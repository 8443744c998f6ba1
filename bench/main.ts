/** `npm run bench` measures each number beside a peer or a limit in the same run on the same machine. */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../tools/local/folder.js';
import { installPackages } from '../tools/local/packages.js';
import {
  describeLarge,
  describeLatency,
  describeMachine,
  describeMemberships,
  describeOffboarding,
  describePipeline,
  describeRequests,
  describeWalls,
  machine,
} from './report.js';
import { measureLatency, measurePipeline, type LatencyResult, type PipelineResult } from './scenarios/pipeline.js';
import { IMPORTS_PER_SECOND, measureOffboarding, type OffboardingResult } from './scenarios/offboarding.js';
import { measureLarge, type LargeStep } from './scenarios/large.js';
import { measureMembershipCost, type MembershipResult } from './scenarios/memberships.js';
import { measureRequests, summarise, type Measurement, type Summary } from './scenarios/requests.js';
import { measureSso, type SsoResult } from './scenarios/sso.js';
import { measureWalls, type WallsResult } from './scenarios/walls.js';
import { describeSso } from './sso/report.js';
import { scimTarget, Stack, type StackOptions } from './stack.js';

const ALWAYS = [
  'requests',
  'polis',
  'limit',
  'pipeline',
  'latency',
  'guard',
  'offboarding',
  'sso',
  'large',
  'memberships',
] as const;
const IF_NAMED = ['offboarding-kafka', 'offboarding-user-token', 'walls', 'walls-kafka'] as const;
const PARTS = [...ALWAYS, ...IF_NAMED] as const;
type Part = (typeof PARTS)[number];

const HELP = `npm run bench -- [options]

  --only <names>  comma-separated: ${ALWAYS.join(', ')}
                  (requests: the gateway; polis, limit: the gateway compared with each of them;
                  guard: the cost of checking a token in an internal service;
                  offboarding: from Okta's PATCH to the end of all access, also during an import;
                  sso: token exchanges compared with their bare cost, and logins at a fixed rate;
                   large: the largest requests of one tenant, and what another tenant notices;
                   memberships: the WAL that pushes of groups cost),
                  and only if named: offboarding-kafka: offboarding over Kafka (needs Java 17+ and Maven)
                  offboarding-user-token: offboarding with sign-outs counted as UserToken
                  walls, walls-kafka: offboarding in one tenant while another one floods
  --rounds <n>    rounds per contestant after the warm-up; 3 by default
  --seconds <n>   seconds per round and operation; 5 by default
  --quick         1 round of 2 s and fewer pushes, to see whether the bench runs
  --cpu-prof      CPU profiles of our services, for the browser's developer tools
  --help

Needs the npm registry once, for bench/peers. All processes listen on this machine only, and end with the run.
The result is also written to .local/bench/<time>.json.`;

interface Plan {
  readonly parts: ReadonlySet<Part>;
  readonly rounds: number;
  readonly seconds: number;
  readonly people: number;
  readonly latencySeconds: number;
  readonly importSize: number;
  readonly profiles: boolean;
}

const PUSHES_PER_SECOND = 100;

function readPlan(args: string[]): Plan | undefined {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean' },
      'cpu-prof': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return undefined;
  const quick = values.quick ?? false;
  return {
    parts: new Set(values.only === undefined ? ALWAYS : values.only.split(',').map(part)),
    rounds: bounded('rounds', values.rounds ?? (quick ? '1' : '3'), 1, 20),
    seconds: bounded('seconds', values.seconds ?? (quick ? '2' : '5'), 1, 60),
    people: quick ? 400 : 3_000,
    latencySeconds: quick ? 4 : 20,
    importSize: quick ? 500 : 5_000,
    profiles: values['cpu-prof'] ?? false,
  };
}

function part(name: string): Part {
  const found = PARTS.find((p) => p === name.trim());
  if (!found) throw new Error(`there is no part "${name}"; there are ${PARTS.join(', ')}`);
  return found;
}

function bounded(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new Error(`--${name} must be a whole number from ${min} to ${max}`);
  return value;
}

interface Result {
  readonly startedAt: string;
  machine?: ReturnType<typeof machine>;
  requests?: { polis: string | null; measurements: Measurement[]; summary: Summary[] };
  pipeline?: PipelineResult;
  latency?: LatencyResult;
  guard?: string[];
  offboarding?: OffboardingResult[];
  walls?: WallsResult[];
  sso?: SsoResult;
  large?: LargeStep[];
  memberships?: MembershipResult;
}

const say = (text: string): void => void process.stderr.write(`  ${text}\n`);
const print = (title: string, text: string): void => void process.stdout.write(`\n## ${title}\n\n${text}\n`);

/** Runs `work` on a new stack. Stops the stack afterwards, and also on Ctrl-C. */
async function withStack(
  name: string,
  plan: Plan,
  work: (stack: Stack) => Promise<void>,
  options: Pick<StackOptions, 'defaultQuotas' | 'kafka' | 'signOutCategory'> = {},
): Promise<void> {
  const folder = path.join(ROOT, '.local', 'bench', name);
  const profiles = path.join(ROOT, '.local', 'bench', 'profiles');
  say(`starting Postgres and the services for "${name}"`);
  const stack = await Stack.start({ folder, ...options, ...(plan.profiles && { profiles }) });
  const interrupted = (): void => void stack.stop().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    await work(stack);
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await stack.stop();
  }
}

const startGenerator = (stack: Stack) =>
  stack.run({ name: 'generator', entry: path.join(ROOT, 'dist/bench/generator.js') });

async function requestsPart(plan: Plan, result: Result): Promise<void> {
  const withPolis = plan.parts.has('polis');
  if (withPolis) await installPackages('bench/peers', say);
  await withStack('requests', plan, async (stack) => {
    await noteMachine(stack, result);
    await stack.startSandbox();
    const { token } = await stack.createTenant();
    const gateway = await stack.startGateway();
    const { rounds, seconds } = plan;
    const options = { rounds, seconds, withPolis, withLimit: plan.parts.has('limit'), say };
    const { measurements, polis } = await measureRequests(
      stack,
      gateway,
      scimTarget(gateway, token),
      startGenerator(stack),
      options,
    );
    const summary = summarise(measurements);
    result.requests = { polis, measurements, summary };
    print('Requests', describeRequests(summary, { rounds, seconds, polis }));
  });
}

async function pipelineParts(plan: Plan, result: Result): Promise<void> {
  await withStack('pipeline', plan, async (stack) => {
    await noteMachine(stack, result);
    const sandbox = await stack.startSandbox();
    const { token } = await stack.createTenant();
    const gateway = await stack.startGateway();
    const identity = await stack.startIdentity();
    const programs = [gateway, identity, sandbox].map((service) => service.program);
    const target = scimTarget(gateway, token);
    const generator = startGenerator(stack);
    say(`pushing ${plan.people} people through the pipeline`);
    await measurePipeline(stack, target, generator, Math.round(plan.people / 4), programs); // warms up
    const pipeline = await measurePipeline(stack, target, generator, plan.people, programs);
    if (plan.parts.has('pipeline')) {
      result.pipeline = pipeline;
      print('Pipeline', describePipeline(pipeline));
    }
    if (!plan.parts.has('latency')) return;
    say(`${PUSHES_PER_SECOND} pushes per second for ${plan.latencySeconds} s`);
    result.latency = await measureLatency(stack, target, generator, PUSHES_PER_SECOND, plan.latencySeconds);
    print('From the answer to Cognito', describeLatency(result.latency));
  });
}

async function guardPart(plan: Plan, result: Result): Promise<void> {
  await withStack('guard', plan, async (stack) => {
    await noteMachine(stack, result);
    say('measuring the access guard and the bare signature check');
    const program = stack.run({
      name: 'guard',
      entry: path.join(ROOT, 'dist/bench/guard.js'),
      env: { TEST_DATABASE_URL: stack.databaseUrl('postgres') },
      execArgv: ['--enable-source-maps', '--expose-gc'],
    });
    await program.finished();
    result.guard = program.log().trimEnd().split('\n');
    print('Access guard, per second of processor time', result.guard.join('\n'));
  });
}

async function offboardingPart(
  plan: Plan,
  result: Result,
  name: 'offboarding' | 'offboarding-kafka' | 'offboarding-user-token',
): Promise<void> {
  const work = async (stack: Stack): Promise<void> => {
    await noteMachine(stack, result);
    await stack.startSandbox();
    const { token } = await stack.createTenant();
    const gateway = await stack.startGateway();
    await stack.startIdentity();
    await stack.startWorker();
    const measured = await measureOffboarding({
      stack,
      target: scimTarget(gateway, token),
      generator: startGenerator(stack),
      tokenWatch: await stack.startTokenWatch(),
      seconds: plan.latencySeconds,
      importSize: plan.importSize,
      importsPerSecond: name === 'offboarding-user-token' ? IMPORTS_PER_SECOND.slice(0, 1) : IMPORTS_PER_SECOND,
      say,
    });
    (result.offboarding ??= []).push(measured);
    print('From the PATCH to the end of all access', describeOffboarding(measured));
  };
  await withStack(name, plan, work, {
    defaultQuotas: true,
    kafka: name === 'offboarding-kafka',
    ...(name === 'offboarding-user-token' && { signOutCategory: 'UserToken' }),
  });
}

async function wallsPart(plan: Plan, result: Result, name: 'walls' | 'walls-kafka'): Promise<void> {
  const work = async (stack: Stack): Promise<void> => {
    await noteMachine(stack, result);
    await stack.startSandbox();
    const calm = await stack.createTenant();
    const loud = await stack.createTenant('loud');
    const gateway = await stack.startGateway();
    await stack.startIdentity();
    await stack.startWorker();
    const measured = await measureWalls({
      stack,
      calm: scimTarget(gateway, calm.token),
      loud: { ...scimTarget(gateway, loud.token), tenant: loud.id },
      generator: startGenerator(stack),
      seconds: plan.latencySeconds,
      say,
    });
    (result.walls ??= []).push(measured);
    print('What a loud tenant costs another one', describeWalls(measured));
  };
  await withStack(name, plan, work, { kafka: name === 'walls-kafka' });
}

async function ssoPart(plan: Plan, result: Result): Promise<void> {
  await withStack('sso', plan, async (stack) => {
    await noteMachine(stack, result);
    const { rounds, seconds, latencySeconds: loginSeconds } = plan;
    result.sso = await measureSso(stack, { rounds, seconds, loginSeconds, say });
    print('Signing in', describeSso(result.sso, rounds, seconds));
  });
}

async function largePart(plan: Plan, result: Result): Promise<void> {
  await withStack('large', plan, async (stack) => {
    await noteMachine(stack, result);
    await stack.startSandbox();
    const tokens = {
      large: (await stack.createTenant('large')).token,
      other: (await stack.createTenant('other')).token,
    };
    const gateway = await stack.startGateway();
    result.large = await measureLarge({ stack, gateway, generator: startGenerator(stack), tokens, say });
    print('The largest requests', describeLarge(result.large));
  });
}

async function membershipsPart(plan: Plan, result: Result): Promise<void> {
  await withStack('memberships', plan, async (stack) => {
    await noteMachine(stack, result);
    await stack.startSandbox();
    const { token } = await stack.createTenant();
    const gateway = await stack.startGateway();
    await stack.startIdentity();
    await stack.startWorker();
    say('pushing 40 groups of 500 people');
    result.memberships = await measureMembershipCost(stack, scimTarget(gateway, token));
    print('WAL of pushed groups', describeMemberships(result.memberships));
  });
}

async function noteMachine(stack: Stack, result: Result): Promise<void> {
  if (result.machine) return;
  const [row] = await stack.sql<{ server_version: string }>('postgres', 'show server_version');
  result.machine = machine(row?.server_version ?? 'unknown');
  print('Machine', describeMachine(result.machine));
}

function write(result: Result): string {
  const file = path.join(ROOT, '.local', 'bench', `${result.startedAt.replaceAll(':', '-').slice(0, 19)}.json`);
  fs.writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return path.relative(ROOT, file);
}

async function main(): Promise<void> {
  const plan = readPlan(process.argv.slice(2));
  if (!plan) return void process.stdout.write(`${HELP}\n`);
  const wants = (...parts: Part[]): boolean => parts.some((p) => plan.parts.has(p));
  const result: Result = { startedAt: new Date().toISOString() };
  if (wants('requests', 'polis', 'limit')) await requestsPart(plan, result);
  if (wants('pipeline', 'latency')) await pipelineParts(plan, result);
  if (wants('guard')) await guardPart(plan, result);
  for (const part of ['offboarding', 'offboarding-kafka', 'offboarding-user-token'] as const)
    if (wants(part)) await offboardingPart(plan, result, part);
  for (const part of ['walls', 'walls-kafka'] as const) if (wants(part)) await wallsPart(plan, result, part);
  if (wants('sso')) await ssoPart(plan, result);
  if (wants('large')) await largePart(plan, result);
  if (wants('memberships')) await membershipsPart(plan, result);
  process.stdout.write(`\nWritten to ${write(result)}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
