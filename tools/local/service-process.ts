/** Runs one service as a child process: starts it, waits until it is healthy, restarts it if it dies, and stops it. */
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ROOT } from './folder.js';
import { readable } from './log-line.js';
import { LocalProblem } from './problem.js';
import { endProcess, eventually, followLines } from './process.js';

export interface ServiceSpec {
  readonly name: string;
  /** Compiled entry file, relative to the checkout. */
  readonly entry: string;
  readonly env: NodeJS.ProcessEnv;
  /** The address of the service. Every restart uses the same port. */
  readonly url: string;
  /** Port of Node's inspector, to which a debugger can attach. */
  readonly inspectorPort?: number | undefined;
  /** Whether the process reports the files that it loads. */
  readonly reportFiles?: boolean | undefined;
}

export interface ServiceEvents {
  /** Receives the lines that the process prints. */
  readonly log: (line: string) => void;
  /** Receives sentences about the process, for example that it ended. */
  readonly say: (text: string) => void;
  /** Called when a new process has replaced the old one, or when the service is not started again. */
  readonly changed: () => void;
}

const READY_LIMIT_MS = 60_000;
const SHUTDOWN = [
  ['SIGTERM', 4_000],
  ['SIGKILL', 5_000],
] as const;
const REPORT_FILES = path.join(ROOT, 'dist/tools/local/report-files.js');
const SOURCE_MAPS = path.join(ROOT, 'dist/tools/local/source-maps.js');
/** Limit of restarts. A service that needs more restarts within a minute has a fault that a restart does not repair. */
const RESTARTS_PER_MINUTE = 5;
const FIRST_PAUSE_MS = 200;
/** Node's options. kafkajs, which is no longer maintained, causes this harmless warning. */
const NODE_OPTIONS = [`--require=${SOURCE_MAPS}`, '--disable-warning=TimeoutNegativeWarning'];

export class ServiceProcess {
  private child: ChildProcess | undefined;
  private last: string[] = [];
  /** True between start and stop. */
  private wanted = false;
  /** True after the service was healthy once. If it dies later, it is restarted. If it dies earlier, start() fails. */
  private started = false;
  private deaths: number[] = [];
  /** Counts the calls of `stop` and `replace`, so that a call notices a later one. */
  private calls = 0;
  /** Files that the process has loaded, and files that the last healthy process had loaded. */
  private files = new Set<string>();
  private lastFiles = new Set<string>();

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

  /** True if the process was healthy and has not ended since. */
  get healthy(): boolean {
    return this.started && this.running;
  }

  /** Resolves when the service is ready. Rejects with its last lines if it dies before that or takes too long. */
  async start(): Promise<void> {
    this.wanted = true;
    this.started = false;
    this.spawn();
    await eventually(async () => !this.running || (await this.isReady()), READY_LIMIT_MS, 40);
    if (!this.wanted) throw new LocalProblem(`${this.spec.name} was stopped while it started.`);
    if (this.running && (await this.isReady())) {
      this.started = true;
      this.lastFiles = this.files;
      return;
    }
    const what = this.running
      ? `was not ready within ${READY_LIMIT_MS / 1000} s`
      : `ended (${this.ending()}) before it was ready`;
    await this.end();
    throw new LocalProblem(`${this.spec.name} ${what}. Its last lines:\n${this.lastLines()}\n${this.advice()}`);
  }

  /** Resolves when the process is healthy, also after a restart. */
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

  /** Sends a signal, for tests. The supervisor reacts as if an administrator or the machine had sent it. */
  kill(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /**
   * Returns true if the process has loaded the file. After a failed start, the files of the last healthy process count
   * as well, because the failure may have hidden them.
   */
  uses(file: string): boolean {
    return this.files.has(file) || this.lastFiles.has(file);
  }

  /** Replaces the process. Returns false if a later call of `replace` or `stop` takes over. */
  async replace(): Promise<boolean> {
    const call = ++this.calls;
    await this.end();
    if (call !== this.calls) return false;
    try {
      await this.start();
    } catch (error) {
      if (call === this.calls) throw error;
    }
    return call === this.calls;
  }

  stop(): Promise<void> {
    this.calls += 1;
    return this.end();
  }

  private async end(): Promise<void> {
    this.wanted = false;
    if (!this.running) return;
    await endProcess(this.pid, SHUTDOWN);
    await eventually(() => !this.running, 1_000, 5); // Node notices the end a little later
  }

  private spawn(): void {
    const { entry, inspectorPort, reportFiles } = this.spec;
    const options = [
      ...NODE_OPTIONS,
      ...(inspectorPort === undefined ? [] : [`--inspect=127.0.0.1:${inspectorPort}`]),
      ...(reportFiles ? [`--import=${REPORT_FILES}`] : []),
    ];
    const child = spawn(process.execPath, [...options, path.resolve(ROOT, entry)], {
      cwd: ROOT,
      env: this.spec.env,
      // A service ends itself when this channel closes, which also happens when its launcher is killed.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: process.platform !== 'win32', // Ctrl-C reaches only the launcher, which stops everything in order
    });
    this.child = child;
    this.last = followLines(child, this.events.log, 15).last;
    const files = new Set<string>();
    this.files = files;
    child.on('message', ({ loaded }: { loaded: string }) => files.add(fileURLToPath(loaded)));
    child.once('error', (error) => this.last.push(error.message));
    child.once('close', () => this.wanted && this.started && void this.revive());
  }

  private async revive(): Promise<void> {
    const { child } = this;
    const { name } = this.spec;
    const ended = `${name} ended (${this.ending()})`;
    if (!this.restart) return this.events.say(ended);
    const now = Date.now();
    this.deaths = [...this.deaths.filter((at) => now - at < 60_000), now];
    const lines = `Its last lines:\n${this.lastLines(5)}`;
    if (this.deaths.length > RESTARTS_PER_MINUTE) {
      this.events.say(
        `${ended} for the ${this.deaths.length}th time within a minute; it is not started again. ${this.advice()} ${lines}`,
      );
      this.deaths = [];
      this.wanted = false;
      this.events.changed();
      return;
    }
    const pause = FIRST_PAUSE_MS * 2 ** (this.deaths.length - 1);
    this.events.say(`${ended}; starting it again in ${pause / 1000} s. ${lines}`);
    await sleep(pause);
    if (!this.wanted || this.child !== child) return;
    this.spawn();
    const next = this.child;
    this.events.changed();
    const hasEnded = (): boolean => this.child !== next || !this.running;
    await eventually(async () => hasEnded() || (await this.isReady()), READY_LIMIT_MS, 40);
    if (!hasEnded() && (await this.isReady())) this.events.say(`${name} is ready again`);
  }

  private ending(): string {
    if (this.child?.signalCode) return `signal ${this.child.signalCode}`;
    return `exit code ${this.child?.exitCode ?? 'unknown'}`;
  }

  private lastLines(most = Infinity): string {
    return (
      this.last
        .slice(-most)
        .map((line) => `    ${readable(line)}`)
        .join('\n') || '    (it printed nothing)'
    );
  }

  private advice(): string {
    switch (this.child?.exitCode) {
      case 78:
        return 'The lines above name the setting: set it in the environment of "npm start", or unset what is wrong.';
      case 69:
        return 'The service could not reach its database. If DATABASE_URL is set, check it. Otherwise "npm start -- --reset" begins without data.';
      default:
        return `To see more, start with LOG_LEVEL=debug. The code of the service is in ${path.dirname(this.spec.entry).replace(/^dist\//, '')}.`;
    }
  }
}
