/** `npm start` and `npm run dev` run one stack until Ctrl-C. */
import path from 'node:path';
import { Command, Option } from 'commander';
import { banner } from './banner.js';
import { StackFolder, type StackDescription } from './folder.js';
import { lockHolder, takeLock } from './lock.js';
import { LocalProblem } from './problem.js';
import { eventually } from './process.js';
import { resetFolder } from './reset.js';
import { ServiceLogs } from './service-logs.js';
import { Stack } from './stack.js';
import { ALL_SERVICES } from './stack-services.js';
import { Terminal } from './terminal.js';
import type { Watch } from './watch.js';

const ENVIRONMENT = `
Environment (an address of your own replaces the server that this command would start):
  PORT                      port of the edge (8080)
  STACK_DIR                 folder of data, logs, secrets and stack.json (.local)
  EVENT_CARRIER             postgres (default) or kafka; kafka needs Java 17+ and Maven, or KAFKA_BROKERS
  KAFKA_BROKERS             host:port,... of your brokers, with EVENT_CARRIER=kafka
  DATABASE_URL              your Postgres 18: an empty database and a role that may create roles
  COGNITO_ENDPOINT          your Cognito, with COGNITO_USER_POOL_ID, COGNITO_CLIENT_ID, COGNITO_CLIENT_SECRET,
                            AWS_REGION and AWS credentials
  SECRETS_MANAGER_ENDPOINT  your Secrets Manager, with AWS_REGION and AWS credentials
  OKTA_ENDPOINT             your Okta's Management API, e.g. https://your-org.okta.com
  OKTA_ISSUER_OVERRIDE      your Okta's issuer
  LOG_LEVEL                 log level of the services (info)`;

const START = `Starts Postgres, the sandbox (stand-ins for Okta, Cognito and Secrets Manager), every service, and the edge in front of
the services. Connects the tenant "default" to the sandbox Okta. Ctrl-C ends everything; the data is kept for the next
start. The services log to STACK_DIR/logs/<service>.log.`;

const DEV = `Does what "npm start" does, and restarts the services that use a file of apps/, libs/ or examples/ after you save it. A
file that does not compile restarts nothing. After a change in tools/, start this command again.`;

const SECOND_SIGNAL_MS = 1_000;
/** Port of Node's inspector by convention. Further services get the ports after it. */
const FIRST_INSPECTOR_PORT = 9_229;

interface Options {
  readonly blank?: boolean;
  readonly logs?: boolean;
  readonly reset?: boolean;
  readonly inspect?: readonly string[];
  readonly watch?: boolean;
}

/** `npm run dev` passes the hidden option `--watch`. */
const isDev = process.argv.includes('--watch');

const program = new Command(isDev ? 'npm run dev --' : 'npm start --')
  .description(isDev ? DEV : START)
  .addOption(new Option('--watch').hideHelp())
  .option('--blank', 'leave the tenant "default" unconfigured, as a customer finds it')
  .option('--logs', 'show the log lines of the services here, too')
  .option('--reset', 'first delete the data of earlier starts in STACK_DIR')
  .addOption(
    new Option('--inspect <service...>', `debug these services (ports ${FIRST_INSPECTOR_PORT}, ...)`).choices(
      ALL_SERVICES,
    ),
  )
  .addHelpText('after', ENVIRONMENT)
  .showHelpAfterError('(--help shows all options)')
  .action(async (options: Options) => process.exit(await main(options)));

async function main(options: Options): Promise<number> {
  const files = new StackFolder(path.resolve(process.env.STACK_DIR || '.local'));
  const lockFile = files.file('start.lock');
  const taken = takeLock(lockFile);
  if ('holder' in taken) return joinRunning(files, lockFile, taken.holder.pid);
  const terminal = new Terminal();
  try {
    if (options.reset) await resetFolder(files, (text) => terminal.say(text));
    return await run(files, options, terminal);
  } finally {
    taken.lock.release();
  }
}

async function run(files: StackFolder, options: Options, terminal: Terminal): Promise<number> {
  let stack: Stack | undefined;
  let watch: Watch | undefined;
  const end = onSignal(async (signal) => {
    terminal.say(`\nStopping (${signal}) ...`);
    await watch?.close();
    await stack?.stop();
  });
  const blank = options.blank ?? false;
  const logs = new ServiceLogs(files.file('logs'), options.logs ? () => undefined : (text) => terminal.say(text));
  const inspectorPorts = Object.fromEntries(
    (options.inspect ?? []).map((name, at) => [name, FIRST_INSPECTOR_PORT + at] as const),
  );
  terminal.say('Starting StackFlow');
  try {
    await Stack.start(
      {
        folder: files.path,
        blank,
        example: true,
        watch: isDev,
        inspectorPorts,
        env: process.env,
        progress: terminal,
        log: (name, line) => {
          logs.write(name, line);
          if (options.logs) terminal.log(name, line);
        },
      },
      (created) => (stack = created),
    );
  } catch (error) {
    const received = end.signal();
    if (received) return exitCode(received);
    throw error;
  }
  if (stack && !end.signal()) {
    const strong = (text: string): string => terminal.strong(text);
    const shown = { folder: files.path, blank, seconds: terminal.seconds(), inspectorPorts, strong };
    terminal.say(banner(stack.description, shown));
    if (isDev) watch = await (await import('./watch.js')).Watch.begin(stack.services, (text) => terminal.say(text));
  }
  const signal = await end.done;
  logs.close();
  terminal.say('Stopped.');
  return exitCode(signal);
}

/** Ctrl-C is the ordinary end, not a failure. */
const exitCode = (signal: NodeJS.Signals): number => (signal === 'SIGINT' ? 0 : 143);

/**
 * Runs `first` on the first signal. `done` resolves when `first` has finished. Ctrl-C arrives twice, from the terminal
 * and from npm, so a second signal within a second is ignored. A later one ends this process at once.
 */
function onSignal(first: (signal: NodeJS.Signals) => Promise<void>): End {
  const alive = setInterval(() => undefined, 60_000); // keeps the process alive, unlike a pending promise
  let signal: NodeJS.Signals | undefined;
  let since = 0;
  const done = new Promise<NodeJS.Signals>((resolve) => {
    const receive = (received: NodeJS.Signals): void => {
      if (signal !== undefined && Date.now() - since > SECOND_SIGNAL_MS) process.exit(1);
      if (signal !== undefined) return;
      signal = received;
      since = Date.now();
      void first(received).finally(() => {
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

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof LocalProblem ? `\n${error.message}` : error);
  process.exit(1);
}
