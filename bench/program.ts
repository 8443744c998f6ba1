/** The child processes of a run. They use the same Node version, write into log files, and end with the run. */
import { fork, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { endProcess } from '../tools/local/process.js';

const SHUTDOWN = [
  ['SIGTERM', 20_000],
  ['SIGKILL', 5_000],
] as const;

export interface ProgramOptions {
  readonly name: string;
  /** Compiled entry file or script. */
  readonly entry: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly logs: string;
  readonly execArgv?: readonly string[];
  readonly args?: readonly string[];
}

export class Program {
  private readonly logFile: string;
  readonly child: ChildProcess;

  constructor(readonly options: ProgramOptions) {
    this.logFile = path.join(options.logs, `${options.name}.log`);
    const log = fs.openSync(this.logFile, 'a');
    this.child = fork(options.entry, [...(options.args ?? [])], {
      cwd: options.cwd,
      env: { ...inherited(), ...options.env },
      execArgv: [...(options.execArgv ?? ['--enable-source-maps'])],
      stdio: ['ignore', log, log, 'ipc'],
    });
    fs.closeSync(log);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends a job and waits for its answer (`{ value }` or `{ error }`). */
  ask<T>(job: object): Promise<T> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(this.explain('ended')));
      this.child.once('exit', ended);
      this.child.once('message', (answer: { value?: T; error?: string }) => {
        this.child.off('exit', ended);
        if (answer.error !== undefined) reject(new Error(`${this.options.name}: ${answer.error}`));
        else resolve(answer.value as T);
      });
      this.child.send(job);
    });
  }

  /** Waits until the process has ended by itself. Throws an error if its exit code is not 0. */
  async finished(): Promise<void> {
    const code = this.running ? await new Promise((resolve) => this.child.once('exit', resolve)) : this.child.exitCode;
    if (code !== 0) throw new Error(this.explain(`ended with code ${String(code)}`));
  }

  explain(what: string): string {
    return `${this.options.name} ${what}; its last lines (${this.logFile}):\n${fs.readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-12).join('\n')}`;
  }

  log(): string {
    return fs.readFileSync(this.logFile, 'utf8');
  }

  async stop(): Promise<void> {
    if (this.running) await endProcess(this.pid, SHUTDOWN);
  }

  cpuSeconds(): number {
    return cpuSecondsOf(this.pid);
  }
}

/** Returns the user and system time of all threads of a process in seconds; NaN if the system does not know it. */
function cpuSecondsOf(pid: number): number {
  const fields = statOf(pid);
  return fields ? (Number(fields[11]) + Number(fields[12])) / 100 : Number.NaN;
}

/** Returns the user and system time of a process and of all its children, ended or not, in seconds. */
export function familyCpuSeconds(pid: number): number {
  const fields = statOf(pid);
  if (!fields) return Number.NaN;
  const living = fs.readdirSync('/proc').filter((name) => statOf(Number(name))?.[1] === String(pid));
  const ended = (Number(fields[13]) + Number(fields[14])) / 100;
  return cpuSecondsOf(pid) + ended + living.reduce((sum, child) => sum + cpuSecondsOf(Number(child)), 0);
}

/** Returns the fields after the name in `/proc/<pid>/stat`: state, parent, ... (proc_pid_stat(5)). */
function statOf(pid: number): readonly string[] | undefined {
  try {
    return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
  } catch {
    return undefined;
  }
}

/** Returns the environment of a child. It contains variables for finding programs, but no settings of a service. */
function inherited(): NodeJS.ProcessEnv {
  const { PATH, HOME, SystemRoot, TMPDIR } = process.env;
  return { PATH, HOME, SystemRoot, TMPDIR, NODE_ENV: 'production', ALLOW_DEVELOPMENT_SETTINGS: 'true' };
}
