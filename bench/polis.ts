/** Ory Polis as the contestant: installed into bench/peers by its own lock file, on a database of its own. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../tools/local/folder.js';
import { eventually } from '../tools/local/process.js';
import type { Target } from './connection.js';
import type { Program } from './program.js';
import { POOL_SIZE, type Stack } from './stack.js';

const PEERS = path.join(ROOT, 'bench', 'peers');
const PACKAGE = '@boxyhq/saml-jackson';
const START_LIMIT_MS = 60_000;

export interface Polis {
  readonly target: Target;
  readonly version: string;
  readonly program: Program;
}

/** `npm ci` where the lock file has not been installed yet; a minute and 270 MB the first time. */
export async function installPeers(say: (text: string) => void): Promise<void> {
  const wanted = (
    JSON.parse(fs.readFileSync(path.join(PEERS, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  ).dependencies[PACKAGE];
  if (installedVersion() === wanted) return;
  say('Installing what we are measured beside (npm ci in bench/peers, about a minute) ...');
  const npm = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: PEERS,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const code = await new Promise((resolve, reject) => npm.once('error', reject).once('close', resolve));
  if (code !== 0)
    throw new Error(
      `"npm ci" in bench/peers ended with code ${String(code)}; its message is above. Without the peer: npm run bench -- --only limit,pipeline,latency`,
    );
}

function installedVersion(): string | undefined {
  const file = path.join(PEERS, 'node_modules', PACKAGE, 'package.json');
  return fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, 'utf8')) as { version: string }).version : undefined;
}

export async function startPolis(stack: Stack): Promise<Polis> {
  await stack.sql('postgres', 'create database polis');
  const program = stack.run({
    name: 'polis',
    entry: path.join(PEERS, 'polis.mjs'),
    cwd: PEERS,
    env: { DATABASE_URL: stack.databaseUrl('polis'), POOL_SIZE: String(POOL_SIZE) },
  });
  const announced = (): string | undefined =>
    program
      .log()
      .split('\n')
      .find((line) => line.startsWith('{"url"'));
  await eventually(() => !program.running || announced() !== undefined, START_LIMIT_MS, 100);
  const line = announced();
  if (!line) throw new Error(program.explain('did not start'));
  return { target: JSON.parse(line) as Target, version: installedVersion() ?? 'unknown', program };
}
