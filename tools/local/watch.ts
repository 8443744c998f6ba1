/** `npm run dev`: compiles each source file that changes, and restarts the services that have loaded it. */
import fs from 'node:fs';
import path from 'node:path';
import { transformFile } from '@swc/core';
import { watch, type FSWatcher } from 'chokidar';
import { ROOT } from './folder.js';
import type { StackServices } from './stack-services.js';

const SOURCES = ['apps', 'libs', 'packages', 'examples'];
const IGNORED = /(^|[\\/])(node_modules|dist|\..*)$|\.spec\.ts$|\.d\.ts$|~$/;
/** Files that are saved together are handled together. */
const PAUSE_MS = 100;

export class Watch {
  /** Changed source files that no restart has taken over yet. */
  private readonly changed = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  private constructor(
    private readonly services: Pick<StackServices, 'all' | 'replace'>,
    private readonly say: (text: string) => void,
    private readonly root: string,
    private readonly watcher: FSWatcher,
  ) {}

  /** Resolves when all source files are watched. */
  static async begin(
    services: Pick<StackServices, 'all' | 'replace'>,
    say: (text: string) => void,
    root = ROOT,
  ): Promise<Watch> {
    const folders = SOURCES.filter((folder) => fs.existsSync(path.join(root, folder)));
    const watcher = watch(folders, { cwd: root, ignored: (file) => IGNORED.test(file), ignoreInitial: true });
    const self = new Watch(services, say, root, watcher);
    await new Promise<void>((resolve, reject) => watcher.once('ready', resolve).once('error', reject));
    watcher.on('all', (event, file) => {
      if (event !== 'addDir' && event !== 'unlinkDir') self.take(file);
    });
    say(
      `Watching ${folders.map((folder) => `${folder}/`).join(', ')}. A saved file restarts the services that use it.`,
    );
    return self;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.watcher.close();
  }

  private take(file: string): void {
    this.changed.add(file);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.apply(), PAUSE_MS);
  }

  /** Compiles the changed files. Restarts nothing until all of them compile. */
  private async apply(): Promise<void> {
    const files = [...this.changed].sort();
    const began = performance.now();
    const faults = (await Promise.all(files.map((file) => this.compile(file)))).filter((fault) => fault !== undefined);
    if (faults.length > 0) {
      this.say(`${faults.join('\n')}\nNothing is restarted until this is mended.`);
      return;
    }
    for (const file of files) this.changed.delete(file);
    const outputs = files.map((file) => this.output(file));
    const affected = this.services.all().filter((service) => outputs.some((output) => service.uses(output)));
    const cause = `${files[0]}${files.length > 1 ? ` and ${files.length - 1} more` : ''} changed`;
    if (affected.length === 0) return this.say(`${cause}; no running service has loaded it.`);
    if (this.closed) return;
    await this.services.replace(
      affected.map(({ spec }) => spec.name),
      (name, outcome) =>
        outcome.then(
          (replaced) => {
            if (replaced)
              this.say(`${name} restarted in ${((performance.now() - began) / 1000).toFixed(1)} s after ${cause}`);
          },
          (error: Error) =>
            this.say(`${error.message}\n${name} starts again after the next change of a file that it uses.`),
        ),
    );
  }

  private output(file: string): string {
    return path.join(this.root, 'dist', file.replace(/\.ts$/, '.js'));
  }

  /** The aliases of imports, which the compiler replaces by relative paths. */
  private paths(): Record<string, string[]> {
    const config = JSON.parse(fs.readFileSync(path.join(this.root, 'tsconfig.json'), 'utf8')) as {
      compilerOptions: { paths: Record<string, string[]> };
    };
    return config.compilerOptions.paths;
  }

  /** Writes the output as `nest build` does. Returns a sentence if the file does not compile. */
  private async compile(file: string): Promise<string | undefined> {
    const source = path.join(this.root, file);
    const output = this.output(file);
    if (!fs.existsSync(source)) {
      for (const gone of [output, `${output}.map`]) fs.rmSync(gone, { force: true });
      return undefined;
    }
    try {
      fs.mkdirSync(path.dirname(output), { recursive: true });
      if (!file.endsWith('.ts')) {
        fs.copyFileSync(source, output);
        return undefined;
      }
      const { code, map = '' } = await transformFile(source, {
        cwd: this.root,
        sourceFileName: path.relative(path.dirname(output), source),
        module: { type: 'es6', resolveFully: true },
        jsc: { baseUrl: this.root, paths: this.paths() },
      });
      fs.writeFileSync(`${output}.map`, map);
      fs.writeFileSync(output, `${code}\n//# sourceMappingURL=${path.basename(output)}.map`);
      return undefined;
    } catch (error) {
      const [reason] = (error as Error).message.split('\n\nCaused by:'); // what follows is about swc itself
      return `${file} does not compile:${reason}`;
    }
  }
}
