/** `npm run dev` on a small tree of two services and a library: which processes a saved file replaces. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../tools/local/folder.js';
import { freePort } from '../../tools/local/ports.js';
import { eventually, processIdentity } from '../../tools/local/process.js';
import { ServiceProcess } from '../../tools/local/service-process.js';
import { Watch } from '../../tools/local/watch.js';

const MAIN = `
import http from 'node:http';
import { text } from './text.js';
process.on('disconnect', () => process.exit(0));
http.createServer((q, r) => r.end(text)).listen(Number(process.env.PORT), '127.0.0.1');
`;
const FILES: Readonly<Record<string, string>> = {
  'apps/uses-lib/src/main.ts': MAIN,
  'apps/uses-lib/src/text.ts': "export { text } from '../../../libs/shared/src/index.js';\n",
  'apps/alone/src/main.ts': MAIN,
  'apps/alone/src/text.ts': "export const text = 'one';\n",
  'libs/shared/src/index.ts': "export const text = 'one';\n",
};
const LIMIT_MS = 30_000;

describe('a watched stack', () => {
  let root: string;
  let watch: Watch;
  const services: ServiceProcess[] = [];
  const said: string[] = [];

  const write = (file: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), text);
  };
  const service = (name: string): ServiceProcess => {
    const found = services.find(({ spec }) => spec.name === name);
    if (!found) throw new Error(`no ${name}`);
    return found;
  };
  const answer = async (name: string): Promise<string> => (await fetch(service(name).spec.url)).text();
  /** Waits for a line that was said after the last call of `reset`. */
  const line = async (pattern: RegExp): Promise<void> => {
    if (!(await eventually(() => said.some((text) => pattern.test(text)), LIMIT_MS)))
      throw new Error(`not said: ${String(pattern)}\n${said.join('\n')}`);
  };

  beforeAll(async () => {
    root = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), 'stackflow-watch-')));
    for (const file of ['.swcrc', 'tsconfig.json']) fs.copyFileSync(path.join(ROOT, file), path.join(root, file));
    write('package.json', '{ "type": "module" }');
    for (const [file, text] of Object.entries(FILES)) {
      write(file, text);
      write(`dist/${file.replace(/ts$/, 'js')}`, text); // these files are JavaScript, too
    }
    for (const name of ['uses-lib', 'alone']) {
      const port = await freePort();
      const one = new ServiceProcess(
        {
          name,
          entry: path.join(root, `dist/apps/${name}/src/main.js`),
          env: { PATH: process.env.PATH, PORT: String(port) },
          url: `http://127.0.0.1:${port}`,
          reportFiles: true,
        },
        { log: () => undefined, say: (text) => void said.push(text), changed: () => undefined },
      );
      services.push(one);
      await one.start();
    }
    const replace: Parameters<typeof Watch.begin>[0]['replace'] = async (names, replaced) =>
      void (await Promise.all(names.map((name) => replaced(name, service(name).replace()))));
    watch = await Watch.begin({ all: () => services, replace }, (text) => void said.push(text), root);
  }, 60_000);
  afterAll(async () => {
    await watch.close();
    await Promise.all(services.map((one) => one.stop()));
    fs.rmSync(root, { recursive: true, force: true });
  });

  let pids: number[];
  beforeEach(() => {
    said.length = 0;
    pids = services.map(({ pid }) => pid);
  });
  const replaced = (): string[] => services.filter(({ pid }, at) => pid !== pids[at]).map(({ spec }) => spec.name);

  test('resolves an alias of tsconfig.json as the build does', async () => {
    write('apps/uses-lib/src/text.ts', "export { text } from '#shared';\n");
    await line(/^uses-lib restarted/);
    expect(await answer('uses-lib')).toBe('one');
  });

  test('restarts the service whose file was saved, ends the old process, and says it in one line', async () => {
    write('apps/alone/src/text.ts', "export const text: string = 'two';\n");
    await line(/^alone restarted in \d+\.\d s after apps\/alone\/src\/text\.ts changed$/);
    expect(await answer('alone')).toBe('two');
    expect(replaced()).toEqual(['alone']);
    expect(processIdentity(pids[1] ?? 0)).toBeUndefined();
    expect(said).toHaveLength(1);
  });

  test('restarts only the services that import a saved library', async () => {
    write('libs/shared/src/index.ts', "export const text = 'two';\n");
    await line(/^uses-lib restarted .* after libs\/shared\/src\/index\.ts changed$/);
    expect(await answer('uses-lib')).toBe('two');
    expect(replaced()).toEqual(['uses-lib']);
  });

  test('restarts nothing while a file does not compile, and everything that changed after it is mended', async () => {
    write('apps/alone/src/text.ts', 'export const = ;\n');
    const fault = /^apps\/alone\/src\/text\.ts does not compile:[^]*text\.ts:1:1[^]*Nothing is restarted/;
    await line(fault);
    said.length = 0;
    write('libs/shared/src/index.ts', "export const text = 'three';\n");
    await line(fault);
    expect([await answer('alone'), await answer('uses-lib')]).toEqual(['two', 'two']);
    expect(replaced()).toEqual([]);
    write('apps/alone/src/text.ts', "export const text = 'three';\n");
    await Promise.all([line(/^alone restarted/), line(/^uses-lib restarted .* and 1 more changed$/)]);
    expect([await answer('alone'), await answer('uses-lib')]).toEqual(['three', 'three']);
  });

  test('says why a service cannot start, and starts it after the next change', async () => {
    write('apps/alone/src/text.ts', "throw new Error('broken on purpose');\nexport const text = 'four';\n");
    await line(/^alone ended \(exit code 1\) before it was ready[^]*broken on purpose[^]*after the next change/);
    expect(replaced()).not.toContain('uses-lib');
    write('apps/alone/src/text.ts', "export const text = 'four';\n");
    await line(/^alone restarted/);
    expect(await answer('alone')).toBe('four');
  });

  test('follows a file that is renamed', async () => {
    fs.renameSync(path.join(root, 'apps/alone/src/text.ts'), path.join(root, 'apps/alone/src/words.ts'));
    write('apps/alone/src/main.ts', MAIN.replace('./text.js', './words.js'));
    await line(/^alone restarted/);
    expect(await answer('alone')).toBe('four');
    expect(fs.readdirSync(path.join(root, 'dist/apps/alone/src')).sort()).toEqual(
      ['main.js', 'main.js.map', 'words.js', 'words.js.map'].sort(),
    );
  });

  test('ignores specs, and says when no service has loaded a saved file', async () => {
    write('apps/alone/src/words.spec.ts', 'export {};');
    write('libs/shared/src/unused.ts', 'export {};');
    await line(/^libs\/shared\/src\/unused\.ts changed; no running service has loaded it\.$/);
    expect(replaced()).toEqual([]);
  });
});
