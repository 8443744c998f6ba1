/** One service as a child process: started, asked until it is healthy, started again when it dies, ended. */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './folder.js';
import { LocalProblem } from './problem.js';
import { endProcess, eventually, followLines, sleep } from './process.js';

export interface ServiceSpec {
  readonly name: string;
  /** Compiled entry, relative to the checkout. */
  readonly entry: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where it listens; it keeps the port for all its lives. */
  readonly url: string;
}

export interface ServiceEvents {
  readonly log: (line: string) => void;
  /** A new process took over, or none will. */
  readonly changed: () => void;
}

const READY_LIMIT_MS = 60_000;
const SHUTDOWN = [
  ['SIGTERM', 10_000],
  ['SIGKILL', 5_000],
] as const;
/** Restarts within a minute; a service that needs more has a fault that another start will not mend. */
const RESTARTS_PER_MINUTE = 5;
const FIRST_PAUSE_MS = 200;
/** The warning is about a harmless timer of kafkajs, which nobody maintains any more. */
const NODE_OPTIONS = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];

export class ServiceProcess {
  private child: ChildProcess | undefined;
  private last: string[] = [];
  /** Between start and stop. */
  private wanted = false;
  /** It was healthy once: from then on a death is mended, before it is explained. */
  private started = false;
  private deaths: number[] = [];

  constructor(
    readonly spec: ServiceSpec,
    private readonly events: ServiceEvents,
    private readonly restart = true,
  ) {}

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get running(): boolean {
    return this.child?.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves when `/health/ready` says so; rejects with its last words when it dies before or takes too long. */
  async start(): Promise<void> {
    this.wanted = true;
    this.started = false;
    this.spawn();
    await eventually(async () => !this.running || (await this.isReady()), READY_LIMIT_MS, 40);
    if (!this.wanted) throw new LocalProblem(`${this.spec.name} was stopped while it started.`);
    if (this.running && (await this.isReady())) {
      this.started = true;
      return;
    }
    const what = this.running
      ? `was not ready within ${READY_LIMIT_MS / 1000} s`
      : `ended (${this.ending()}) before it was ready`;
    await this.stop();
    throw new LocalProblem(`${this.spec.name} ${what}. Its last lines:\n${this.lastLines()}\n${this.advice()}`);
  }

  /** After a death: resolves when the next process is healthy. */
  async ready(limitMs = READY_LIMIT_MS): Promise<void> {
    if (!(await eventually(() => this.running && this.isReady(), limitMs, 40)))
      throw new LocalProblem(`${this.spec.name} was not ready within ${limitMs / 1000} s.`);
  }

  async isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.spec.url}/health/ready`, { signal: AbortSignal.timeout(3_000) });
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  }

  /** For tests: as if an administrator or the machine did it. The supervisor reacts. */
  kill(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  async stop(): Promise<void> {
    this.wanted = false;
    if (!this.running) return;
    await endProcess(this.pid, SHUTDOWN);
    await eventually(() => !this.running, 1_000, 5); // until Node has noticed it too
  }

  private spawn(): void {
    const child = spawn(process.execPath, [...NODE_OPTIONS, path.resolve(ROOT, this.spec.entry)], {
      cwd: ROOT,
      env: this.spec.env,
      // The channel is the leash: a service whose launcher is killed notices that it closed, and ends itself.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: process.platform !== 'win32', // Ctrl-C in the terminal is for the launcher, which ends all in order
    });
    this.child = child;
    this.last = followLines(child, this.events.log, 15).last;
    child.once('error', (error) => this.last.push(error.message));
    child.once('close', () => this.wanted && this.started && void this.revive());
  }

  private async revive(): Promise<void> {
    if (!this.restart) return this.events.log(`ended (${this.ending()})`);
    const now = Date.now();
    this.deaths = [...this.deaths.filter((at) => now - at < 60_000), now];
    if (this.deaths.length > RESTARTS_PER_MINUTE) {
      this.events.log(
        `ended (${this.ending()}) for the ${this.deaths.length}th time within a minute; it is not started again. ${this.advice()}`,
      );
      this.deaths = [];
      this.wanted = false;
      this.events.changed();
      return;
    }
    const pause = FIRST_PAUSE_MS * 2 ** (this.deaths.length - 1);
    this.events.log(`ended (${this.ending()}); starting it again in ${pause / 1000} s`);
    await sleep(pause);
    if (!this.wanted) return;
    this.spawn();
    this.events.changed();
  }

  private ending(): string {
    if (this.child?.signalCode) return `signal ${this.child.signalCode}`;
    return `exit code ${this.child?.exitCode ?? 'unknown'}`;
  }

  private lastLines(): string {
    return this.last.map((line) => `    ${line}`).join('\n') || '    (it printed nothing)';
  }

  private advice(): string {
    switch (this.child?.exitCode) {
      case 78:
        return 'What it misses is named above: set it in the environment of "npm start", or unset what is wrong.';
      case 69:
        return 'It could not reach its database: if DATABASE_URL is set, check it; else remove the folder STACK_DIR to begin anew.';
      default:
        return `Run it alone to see more: LOG_LEVEL=debug npm start. Its code is in ${path.dirname(this.spec.entry).replace(/^dist\//, '')}.`;
    }
  }
}
