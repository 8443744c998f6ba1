/** A service as a real process that a test can kill with SIGKILL. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compiled } from './services.js';

const START_LOOKS = 200;
const KEPT = 20_000;

export class KillableService {
  private child: ChildProcess | null = null;
  private output = '';
  private readonly main: string;

  constructor(
    name: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {
    this.main = path.resolve(import.meta.dirname, `../../dist/apps/${name}/src/main.js`);
  }

  /**
   * Resolves when the process is ready, or after ten seconds. The next kill then hits it during its start, which is a
   * valid case.
   */
  async start(): Promise<void> {
    await compiled();
    const aws = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    const { PATH, NODE_COMPILE_CACHE } = process.env;
    const env = { PATH, NODE_COMPILE_CACHE, ...aws, ...this.env, LOG_LEVEL: 'info' };
    this.output = '';
    this.child = spawn(process.execPath, [this.main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer): void => void (this.output = (this.output + chunk.toString()).slice(-KEPT));
    this.child.stdout?.on('data', keep);
    this.child.stderr?.on('data', keep);
    for (let i = 0; i < START_LOOKS && !this.output.includes('"msg":"listening"'); i++) await sleep(50);
  }

  async kill(): Promise<void> {
    const dying = this.child;
    this.child = null;
    if (!dying || dying.exitCode !== null) return;
    dying.kill('SIGKILL');
    await once(dying, 'exit');
  }

  /** The last warnings and errors in its log. */
  get complaints(): string {
    return this.output
      .split('\n')
      .filter((line) => !line.includes('"level":"info"'))
      .join('\n')
      .slice(-3_000);
  }
}
