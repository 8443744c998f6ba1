/** Prints the lines of `npm test`, and runs its programs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { followLines } from './process.js';
import { stepTally, type Tally } from './test-report.js';

export const say = (text: string): void => void process.stdout.write(`${text}\n`);

export const seconds = (began: number): string => `${((Date.now() - began) / 1000).toFixed(1)} s`;

export function report(name: string, ok: boolean, began: number): Tally {
  say(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(18)}${seconds(began)}`);
  return stepTally(ok);
}

const running = new Set<ChildProcess>();

/** Runs Node to its end; the output is collected, or goes to the terminal with `inherit`. */
export async function runNode(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  inherit = false,
): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: inherit ? 'inherit' : ['ignore', 'pipe', 'pipe'],
  });
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
