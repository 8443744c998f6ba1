/** Runs Ory Polis from bench/peers as a contestant, on its own database. */
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../tools/local/folder.js';
import { until } from '../test/support/waiting.js';
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
  const announced = (): string | undefined => /^\{"url".*$/m.exec(program.log())?.[0];
  const line = await until('Polis starts or ends', () => announced() ?? !program.running, START_LIMIT_MS, 100);
  if (line === true) throw new Error(program.explain('did not start'));
  return { target: JSON.parse(line) as Target, version: installedVersion() ?? 'unknown', program };
}
