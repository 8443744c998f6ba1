/** Prints the lines of `npm test`, and runs its programs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { setPriority } from 'node:os';
import { followLines } from './process.js';
import { stepTally, type Tally } from './test-report.js';

export const say = (text: string): void => void process.stdout.write(`${text}\n`);

export const seconds = (began: number): string => `${((Date.now() - began) / 1000).toFixed(1)} s`;

export function report(name: string, ok: boolean, began: number): Tally {
  say(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(18)}${seconds(began)}`);
  return stepTally(ok);
}

const running = new Set<ChildProcess>();

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Whether the output goes to the terminal. If not, it is collected. */
  readonly inherit?: boolean;
  /** One of `os.constants.priority`. */
  readonly priority?: number;
  /** Kills the program. */
  readonly signal?: AbortSignal;
}

/** Runs Node to its end. */
export async function runNode(
  args: readonly string[],
  { env = {}, inherit = false, priority, signal }: RunOptions,
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
  signal?.addEventListener('abort', () => child.kill('SIGKILL'));
  if (child.pid !== undefined && priority !== undefined) setPriority(child.pid, priority);
  running.add(child);
  const { last } = followLines(child, undefined, 500);
  const code = await new Promise<number>((resolve, reject) =>
    child.once('error', reject).once('close', (c) => resolve(c ?? 1)),
  );
  running.delete(child);
  return { code, output: last.join('\n') };
}

export function killRunning(signal: NodeJS.Signals): void {
  for (const child of running) child.kill(signal);
}
