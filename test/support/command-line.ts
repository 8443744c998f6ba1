/** `npm run stackflow -- ...` in this process. */
import { Readable } from 'node:stream';
import { runProgram, type Environment } from '#command-line';
import { stackflow } from '../../apps/cli/src/stackflow.js';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `env`: where the services are. The command is typed as `npm run stackflow`; `stdin` is what it reads from `-`. */
export async function runStackflow(args: readonly string[], env: Environment, stdin = ''): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await runProgram(stackflow, args, {
    env: { npm_lifecycle_event: 'stackflow', ...env },
    out: (text) => (out += text),
    err: (text) => (err += text),
    stdin: Readable.from([stdin]),
  });
  return { code, out, err };
}

/** The `--json` answer of a command that must succeed. */
export async function stackflowJson<T>(args: readonly string[], env: Environment, stdin = ''): Promise<T> {
  const { code, out, err } = await runStackflow([...args, '--json'], env, stdin);
  if (code !== 0) throw new Error(`"stackflow ${args.join(' ')}" ended with ${code}: ${err}`);
  return JSON.parse(out) as T;
}
