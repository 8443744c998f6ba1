/**
 * Runs a command of this repository, even in a fresh clone: installs the packages of package-lock.json, builds the
 * sources if they changed, then runs the command on the Node version that package.json pins. This file runs on the Node
 * of the machine before anything is installed, so it is plain JavaScript without dependencies.
 */
import { build, isBuilt } from './bootstrap/build.mjs';
import { at, StartFault, ROOT, say } from './bootstrap/checkout.mjs';
import { install, isInstalled, PINNED_LINE, pinnedNode } from './bootstrap/install.mjs';
import { withLock } from './bootstrap/lock.mjs';
import { run } from './bootstrap/run.mjs';

const OLDEST_NODE = [20, 19];

const COMMANDS = {
  start: {
    entry: 'dist/tools/local/start.js',
    does: 'start Postgres, the sandbox and every service; Ctrl-C stops all of them',
  },
  dev: {
    entry: 'dist/tools/local/start.js',
    args: ['--watch'],
    does: 'the same, and restart the services that use a source file when it changes',
  },
  test: {
    entry: 'dist/tools/local/test.js',
    does: 'run lint, the dependency rule, the type check and every test on a real Postgres',
  },
  demo: {
    entry: 'dist/tools/demo/main.js',
    does: 'run the tests of the product page against the running stack, and show a timeline',
  },
  okta: {
    entry: 'dist/apps/sandbox/src/okta-cli.js',
    does: 'act as administrator in the sandbox Okta: assign, push-group, ...',
  },
  stackflow: {
    entry: 'dist/apps/cli/src/main.js',
    does: 'run the command line of StackFlow: tenants, accounts, offboarding, exchange, events; doctor, status, audit',
  },
  bench: { entry: 'dist/bench/main.js', does: 'run the measurements of bench/' },
  mutants: {
    entry: 'dist/tools/mutants/main.js',
    does: 'change the code on purpose and count which changes no test notices; --since <branch>, --planted',
  },
  lint: { entry: 'dist/tools/local/test.js', args: ['--static'], does: 'run only the static checks of "test"' },
  contracts: {
    entry: 'dist/tools/contracts/main.js',
    does: 'write the AsyncAPI document (docs/events) and the OpenAPI documents (docs/api); --check, --release',
  },
  build: { does: 'only install and compile' },
  'build:triggers': {
    entry: 'dist/tools/triggers/main.js',
    does: 'pack the Cognito triggers for AWS Lambda, into dist/triggers',
  },
};

async function main([command, ...args]) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new StartFault(
      `This is Node ${process.versions.node}; Node ${OLDEST_NODE.join('.')} or newer is needed to start. ` +
        `(All later steps run on Node ${PINNED_LINE}, which npm installs into node_modules.)`,
    );
  }
  if (command === undefined || command === '--help' || command === '-h' || command === 'help') return help();
  const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (!known) throw new StartFault(`There is no command "${command}". Known: ${Object.keys(COMMANDS).join(', ')}.`);

  if (!isInstalled() || !isBuilt()) await withLock(prepare);
  const node = pinnedNode();
  if (!known.entry) return 0;
  const source = [
    '--enable-source-maps',
    '--disable-warning=TimeoutNegativeWarning',
    at(known.entry),
    ...(known.args ?? []),
    ...args,
  ];
  // Cache compiled code: every process of a stack loads the same thousand modules and starts about a fifth faster with
  // the cache.
  const env = { NODE_COMPILE_CACHE: at('.cache', 'compile'), ...process.env };
  return run(node, source, { cwd: ROOT, env });
}

function help() {
  const lines = Object.entries(COMMANDS).map(([name, { does }]) => `  ${name.padEnd(16)}${does}`);
  process.stdout.write(
    `npm run <command> [-- <arguments>]\n\n${lines.join('\n')}\n\n"npm run <command> -- --help" tells more.\n`,
  );
  return 0;
}

async function prepare() {
  if (!isInstalled()) await install();
  if (!isBuilt()) await build();
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof StartFault ? error.message : (error?.stack ?? String(error)));
  process.exitCode = 1;
}
