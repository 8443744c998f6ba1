/**
 * A folder outside of this repository, as a team of another repository has it: the tarballs are installed there, and the
 * examples of the documents are its sources.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../tools/local/ports.js';
import { until } from '../support/waiting.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const inShell = { shell: process.platform === 'win32', maxBuffer: 16 * 1024 * 1024 };

/** Versions of the packages that the documents install and this repository does not. */
const FOREIGN: Readonly<Record<string, string>> = {
  express: '5.3.0',
  '@nestjs/platform-express': '12.5.0',
  '@types/express': '5.0.6',
};

export interface Tarball {
  readonly name: string;
  readonly filename: string;
  /** Size of the tarball in bytes. */
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export const readManifest = (file: string): Manifest => JSON.parse(readFileSync(file, 'utf8')) as Manifest;

/** A program of the folder that runs. */
export interface Program {
  readonly url: string;
  output(): string;
  /** Sends SIGTERM, and resolves with the exit code, or with the signal that ended the program. */
  stop(): Promise<number | NodeJS.Signals>;
}

export class OutsideFolder {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'stackflow-outside-'));
  /** The code blocks of the documents whose first line names a file, by the name of the file. */
  readonly snippets = new Map<string, string>();
  private readonly commands: string[] = [];
  private readonly running = new Set<ChildProcess>();

  constructor(pages: readonly string[]) {
    for (const page of pages) {
      const text = readFileSync(path.join(ROOT, page), 'utf8');
      for (const [, name = '', code = ''] of text.matchAll(/^```\w+\n(?:\/\/|--|#) (\S+)\n([\s\S]*?)^```/gm))
        this.snippets.set(name, code);
      this.commands.push(...(text.replaceAll('\\\n', '').match(/npm install [^\n`]+/g) ?? []));
    }
  }

  snippet(name: string): string {
    const code = this.snippets.get(name);
    if (code === undefined) throw new Error(`no document has a code block that begins with the name ${name}`);
    return code;
  }

  /** Makes the tarballs of both packages in the folder. */
  async pack(): Promise<Tarball[]> {
    const packages = ['packages/identity-events', 'packages/access-guard'].flatMap((name) => ['--workspace', name]);
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', this.folder, ...packages], {
      cwd: ROOT,
      ...inShell,
    });
    // npm prints the output of "prepack" before its own JSON.
    const packed = JSON.parse(stdout.slice(stdout.search(/^[[{]$/m))) as Tarball[] | Record<string, Tarball>;
    return Object.values(packed);
  }

  /**
   * Installs what the documents install, in the versions of this repository, so that the test does not change when
   * somebody publishes a package.
   */
  async install(): Promise<void> {
    const { dependencies, devDependencies } = readManifest(path.join(ROOT, 'package.json'));
    const versions = { ...dependencies, ...devDependencies, ...FOREIGN };
    const names = this.commands
      .flatMap((command) => command.split(/\s+/).slice(2))
      .filter((word) => !word.startsWith('--'));
    const wanted = [...new Set(names)].map((name) =>
      name.startsWith('./') ? name : `${name}@${versions[name] ?? '?'}`,
    );
    writeFileSync(
      path.join(this.folder, 'package.json'),
      '{ "name": "outside", "version": "3.2.1", "type": "module" }',
    );
    await this.execute('npm', [
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      ...wanted,
    ]);
  }

  /** Writes the sources of the documents and compiles them with the compiler of the folder. */
  async compile(): Promise<void> {
    mkdirSync(path.join(this.folder, 'src'));
    for (const [name, code] of this.snippets)
      if (/^(src\/\w[\w.-]*\.ts|tsconfig\.json)$/.test(name)) writeFileSync(path.join(this.folder, name), code);
    await this.execute(process.execPath, ['node_modules/typescript/bin/tsc']);
  }

  /** Runs a program to its end, and returns its output. Rejects with the output if the program fails. */
  async execute(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    try {
      const { stdout } = await run(program, args, { cwd: this.folder, env: { ...outsideEnv(), ...env }, ...inShell });
      return stdout;
    } catch (error) {
      const { message, stdout = '' } = error as Error & { stdout?: string };
      throw new Error(`${message}\n${stdout}`, { cause: error });
    }
  }

  /** Starts a compiled program. Resolves when it is ready. */
  async start(file: string, env: NodeJS.ProcessEnv): Promise<Program> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const child = spawn(process.execPath, ['--enable-source-maps', file], {
      cwd: this.folder,
      env: { ...outsideEnv(), PORT: String(port), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = once(child, 'close').then(([code, signal]) => {
      this.running.delete(child);
      return (code ?? signal) as number | NodeJS.Signals;
    });
    const readyOrEnded = async () => child.exitCode !== null || (await fetch(`${url}/health/ready`)).ok;
    await until(`${file} is ready`, readyOrEnded, 60_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${output}`);
    });
    if (child.exitCode !== null) throw new Error(`${file} ended with code ${child.exitCode}:\n${output}`);
    return {
      url,
      output: () => output,
      stop: () => {
        child.kill('SIGTERM');
        return ended;
      },
    };
  }

  remove(): void {
    for (const child of this.running) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The environment of this process without its settings, so that a program gets only what the test passes. */
const outsideEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /^(PATH|HOME|TMPDIR|SystemRoot|npm_config_.*)$/i.test(name)),
  );
