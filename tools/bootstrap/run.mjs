import { spawn } from 'node:child_process';
import { StartFault } from './checkout.mjs';

/**
 * Runs a program in this terminal, forwards signals, and returns its exit code (128 + n after signal n, as shells do).
 * With Ctrl-C, the child gets SIGINT twice, from the terminal and from this process; the launcher counts both as one.
 * `quiet` shows the output only if the program fails.
 */
export function run(program, args, { quiet = false, ...options }) {
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
      reject(new StartFault(`Cannot run ${program}: ${error.message}`));
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
