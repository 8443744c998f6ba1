/** Runs Stryker on part of the code with the specs of that part. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ROOT } from '../local/folder.js';
import { say } from '../local/test-output.js';

/** Specs outside an app or library that test it in the process of jest. Tests of started programs notice no mutant. */
const MORE_SPECS: Readonly<Record<string, readonly string[]>> = {
  'apps/scim-gateway': ['test/gateway/{users,groups,tenants}.spec.ts'],
  'libs/event-bus': ['test/contract/postgres.spec.ts'],
};

/** Below this share of noticed mutants the command fails. */
const LEAST_PERCENT = 80;

const FOLDER = path.join(ROOT, 'tools', 'mutants');
const PACKAGES = path.join(FOLDER, 'node_modules', '@stryker-mutator');
const WORK = path.join(ROOT, '.cache', 'mutants');

/** The part of one app or library that is mutated in one run. */
export interface Piece {
  /** `apps/scim-gateway`, `libs/scim`, ... */
  readonly root: string;
  readonly files: readonly string[];
}

export interface Limits {
  readonly minutes: number;
  readonly concurrency: number;
  readonly static: boolean;
  /** Globs of the specs to run instead of all specs of the piece. */
  readonly specs: readonly string[];
}

export function piecesOf(wanted: readonly string[]): Piece[] {
  const pieces = new Map<string, string[]>();
  for (const name of wanted) {
    const root = /^(apps|libs)\/[^/]+/.exec(name)?.[0];
    if (root === undefined || /\.(spec|entity)\.ts\b|\/migrations\//.test(name)) continue;
    const isFolder = !/\.ts(:|$)/.test(name) && !name.includes('*');
    if (!isFolder && !name.startsWith(`${root}/src/`)) continue;
    pieces.set(root, [...(pieces.get(root) ?? []), isFolder ? `${name}/**/*.ts` : name]);
  }
  return [...pieces].map(([root, files]) => ({ root, files }));
}

/** Returns the changed lines of the checkout as Stryker's ranges. Without ranges, a small change would take an hour. */
export async function changedSince(commit: string): Promise<string[]> {
  const options = { cwd: ROOT, maxBuffer: 64 * 2 ** 20 };
  const args = ['diff', '--merge-base', '--unified=0', '--no-color', '--no-ext-diff', '--diff-filter=d', commit];
  const { stdout } = await promisify(execFile)('git', [...args, '--', '*.ts'], options);
  const ranges: string[] = [];
  let file = '';
  for (const line of stdout.split('\n')) {
    file = /^\+\+\+ b\/(.*)$/.exec(line)?.[1] ?? file;
    const [, start, count = '1'] = /^@@ -\S+ \+(\d+)(?:,(\d+))? @@/.exec(line) ?? [];
    if (start !== undefined && count !== '0') ranges.push(`${file}:${start}-${Number(start) + Number(count) - 1}`);
  }
  return ranges;
}

/** Returns false if too few mutants were noticed, or if the time was too short. */
export async function mutate({ root, files }: Piece, limits: Limits, env: NodeJS.ProcessEnv): Promise<boolean> {
  const name = root.replace('/', '-');
  const file = path.join(WORK, `${name}.json`);
  fs.mkdirSync(WORK, { recursive: true });
  fs.writeFileSync(file, JSON.stringify(configuration(root, name, files, limits), null, 2));
  const { code, tooLong } = await run([path.join(PACKAGES, 'core', 'bin', 'stryker.js'), 'run', file], env, limits);
  if (tooLong) say(`${root}: stopped after ${limits.minutes} minutes. Name fewer files or lines, or allow more.`);
  return code === 0 && !tooLong;
}

let running: ChildProcess | undefined;

/** Ends Stryker with its test runners. It leads a process group, because they outlive it if it is killed alone. */
export function stopMutating(): void {
  if (running?.pid === undefined) return;
  if (process.platform === 'win32') running.kill();
  else process.kill(-running.pid, 'SIGKILL');
}

async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { minutes }: Limits,
): Promise<{ code: number; tooLong: boolean }> {
  let tooLong = false;
  running = spawn(process.execPath, args, { detached: true, stdio: 'inherit', env: { ...process.env, ...env } });
  const limit = setTimeout(() => {
    tooLong = true;
    stopMutating();
  }, minutes * 60_000);
  const [code] = (await once(running, 'close')) as [number | null];
  clearTimeout(limit);
  running = undefined;
  return { code: code ?? 1, tooLong };
}

const specsOf = (root: string): string[] => [`${root}/src/**/*.spec.ts`, ...(MORE_SPECS[root] ?? [])];

const configuration = (root: string, name: string, files: readonly string[], limits: Limits): object => ({
  testRunner: 'jest',
  plugins: [path.join(PACKAGES, 'jest-runner', 'dist', 'src', 'index.js'), path.join(FOLDER, 'reporter.mjs')].map(
    (file) => pathToFileURL(file).href,
  ),
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  mutate: [...files, '!**/*.{spec,entity,module}.ts', '!**/migrations/**'],
  coverageAnalysis: 'perTest',
  ignoreStatic: !limits.static,
  concurrency: limits.concurrency,
  timeoutMS: 15_000, // other work on the machine may slow down one run and not the next
  thresholds: { high: 90, low: LEAST_PERCENT, break: LEAST_PERCENT },
  disableTypeChecks: false,
  allowEmpty: true,
  allowConsoleColors: false,
  cleanTempDir: 'always',
  tempDirName: path.join('.cache', 'mutants', `sandbox-${process.pid}`),
  ignorePatterns: ['.cache', '.local', 'bench', 'coverage', 'dist', 'docs', 'infra', 'k8s'],
  incremental: true,
  incrementalFile: path.join(WORK, `${name}.incremental.json`),
  reporters: ['survivors', 'json'],
  jsonReporter: { fileName: path.join(WORK, `${name}.report.json`) },
  jest: {
    configFile: 'jest.config.mjs',
    config: {
      roots: [`<rootDir>/${root}/src`, ...(root in MORE_SPECS ? ['<rootDir>/test'] : [])],
      testMatch: (limits.specs.length > 0 ? limits.specs : specsOf(root)).map((spec) => `<rootDir>/${spec}`),
      // This command has started Postgres already, and Stryker starts jest again for each mutant.
      globalSetup: null,
      globalTeardown: null,
    },
  },
});
