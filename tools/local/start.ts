/** `npm start` runs one stack until Ctrl-C. */
import path from 'node:path';
import { StackFolder, type StackDescription } from './folder.js';
import { lockHolder, takeLock } from './lock.js';
import { LocalProblem } from './problem.js';
import { eventually } from './process.js';
import { Stack } from './stack.js';
import { Terminal } from './terminal.js';

const HELP = `npm start [-- --blank]

Starts Postgres, the sandbox (stand-ins for Okta, Cognito and Secrets Manager), every service, and the edge in front of
the services. Connects the tenant "default" to the sandbox Okta. Ctrl-C ends everything; the data is kept for the next start.

  --blank    leave the tenant "default" unconfigured

Environment (an address of your own replaces the server that this command would start):
  PORT                      port of the edge (8080)
  STACK_DIR                 folder of data, secrets and stack.json (.local)
  EVENT_CARRIER             postgres (default) or kafka; kafka needs Java 17+ and Maven, or KAFKA_BROKERS
  KAFKA_BROKERS             host:port,... of your brokers, with EVENT_CARRIER=kafka
  DATABASE_URL              your Postgres 18: an empty database and a role that may create roles
  COGNITO_ENDPOINT          your Cognito, with COGNITO_USER_POOL_ID, COGNITO_CLIENT_ID, COGNITO_CLIENT_SECRET,
                            AWS_REGION and AWS credentials
  SECRETS_MANAGER_ENDPOINT  your Secrets Manager, with AWS_REGION and AWS credentials
  OKTA_ENDPOINT             your Okta's Management API, e.g. https://your-org.okta.com
  OKTA_ISSUER_OVERRIDE      your Okta's issuer
  LOG_LEVEL                 log level of the services (info)`;

const SECOND_SIGNAL_MS = 1_000;

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.filter((arg) => !['--blank', '--help', '-h'].includes(arg));
  if (unknown.length > 0) throw new LocalProblem(`Unknown option ${unknown.join(' ')}.\n\n${HELP}`);
  if (args.includes('--help') || args.includes('-h')) {
    console.log(HELP);
    return 0;
  }
  const folder = path.resolve(process.env.STACK_DIR || '.local');
  const files = new StackFolder(folder);
  const lockFile = files.file('start.lock');
  const taken = takeLock(lockFile);
  if ('holder' in taken) return joinRunning(files, lockFile, taken.holder.pid);
  const terminal = new Terminal();
  try {
    return await run(folder, args.includes('--blank'), terminal);
  } finally {
    taken.lock.release();
  }
}

async function run(folder: string, blank: boolean, terminal: Terminal): Promise<number> {
  let stack: Stack | undefined;
  const end = onSignal((signal) => {
    terminal.progress(`${signal}: stopping`);
    return stack?.stop();
  });
  try {
    await Stack.start(
      {
        folder,
        blank,
        example: true,
        env: process.env,
        progress: (text) => terminal.progress(text),
        log: (name, line) => terminal.service(name, line),
      },
      (created) => (stack = created),
    );
  } catch (error) {
    const received = end.signal();
    if (received) return exitCode(received);
    throw error;
  }
  if (stack && !end.signal()) terminal.say(greeting(stack.description, folder, blank, terminal.seconds()));
  const signal = await end.done;
  terminal.progress('stopped');
  return exitCode(signal);
}

/** Ctrl-C is the ordinary end, not a failure. */
const exitCode = (signal: NodeJS.Signals): number => (signal === 'SIGINT' ? 0 : 143);

/**
 * Runs `first` on the first signal. `done` resolves when `first` has finished. Ctrl-C arrives twice, from the terminal
 * and from npm, so a second signal within a second is ignored. A later one ends this process at once.
 */
function onSignal(first: (signal: NodeJS.Signals) => Promise<void> | undefined): End {
  const alive = setInterval(() => undefined, 60_000); // keeps the process alive, unlike a pending promise
  let signal: NodeJS.Signals | undefined;
  let since = 0;
  const done = new Promise<NodeJS.Signals>((resolve) => {
    const receive = (received: NodeJS.Signals): void => {
      if (signal !== undefined && Date.now() - since > SECOND_SIGNAL_MS) process.exit(1);
      if (signal !== undefined) return;
      signal = received;
      since = Date.now();
      void Promise.resolve(first(received)).finally(() => {
        clearInterval(alive);
        resolve(received);
      });
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, receive);
  });
  return { done, signal: () => signal };
}

interface End {
  /** Returns the first signal, or undefined if there was none. */
  readonly signal: () => NodeJS.Signals | undefined;
  readonly done: Promise<NodeJS.Signals>;
}

/** A second start changes nothing. It waits until the first start has finished, and prints the stack's address. */
async function joinRunning(files: StackFolder, lockFile: string, pid: number): Promise<number> {
  const current = (): StackDescription | undefined => {
    const description = files.read('stack.json');
    return description?.pid === pid && description.ready ? description : undefined;
  };
  if (!current()) console.log(`Process ${pid} is starting the stack in ${files.path}; waiting for it ...`);
  await eventually(() => current() !== undefined || lockHolder(lockFile)?.pid !== pid, 90_000, 200);
  const running = current();
  if (!running)
    throw new LocalProblem(
      `Process ${pid}, which was starting the stack in ${files.path}, did not finish. Look at its output, then start again.`,
    );
  console.log(
    `The stack already runs at ${running.edge} (process ${pid}, described in ${files.file('stack.json')}). Stop it with Ctrl-C there or "kill ${pid}".`,
  );
  return 0;
}

const shortPath = (file: string): string =>
  path.relative('.', file).startsWith('..') ? file : path.relative('.', file);

function greeting(stack: StackDescription, folder: string, blank: boolean, seconds: string): string {
  const [tenant] = stack.tenants;
  const rows = [
    ['SCIM connector base URL', tenant?.scimBaseUrl ?? ''],
    ['SCIM token', `in ${shortPath(path.join(folder, 'stack.json'))} (.tenants[0].scimToken)`],
    ['Sign in', `${stack.edge}/  (a small example application; /auth/session shows the signed-in person)`],
    ...(stack.exchange ? [['Token exchange', `POST ${stack.exchange.endpoint}  (docs/token-exchange.md)`]] : []),
    ['Sandbox Okta', `${stack.sandbox.okta}  (you administer it with: npm run okta)`],
    ['Cognito', `${stack.sandbox.cognito}  (user pool ${stack.cognito.userPoolId})`],
    ['Secrets Manager', stack.sandbox.secretsManager],
    ['Events', stack.kafka ? `Kafka at ${stack.kafka}` : 'Postgres event log'],
    ...Object.entries(stack.services).map(([name, { url }]) => [name, `${url}/health/ready  ${url}/metrics`]),
  ];
  const tries = blank
    ? [
        ['stackflow -- tenants configure default --scim on', 'begin as an administrator does'],
        ['stackflow -- tenants rotate-token default', 'a SCIM token for Okta'],
      ]
    : [
        ['demo', 'the tests of the product page, with a timeline'],
        ['okta -- assign ada@example.com', 'Okta assigns a person, who can then sign in'],
        ['okta -- push-group StackFlow-Agents ada@example.com', 'a group that gives a role'],
        ['stackflow -- accounts explain ada@example.com', 'the roles that Ada has, and why'],
        ['okta -- suspend ada@example.com', 'the next click and the next login are refused'],
        ['stackflow -- offboarding list', 'the people who lost access, and held cases'],
      ];
  return [
    '',
    `StackFlow is up after ${seconds} s.`,
    '',
    ...rows.map(([name, value]) => `  ${(name ?? '').padEnd(25)}${value}`),
    '',
    'In another terminal:',
    ...tries.map(([command, does]) => `  npm run ${(command ?? '').padEnd(54)}${does}`),
    '',
    'Ctrl-C stops everything. The data is kept for the next start.',
    '',
  ].join('\n');
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof LocalProblem ? `\n${error.message}` : error);
  process.exit(1);
}
