/** Small parts of tools/local: locks, the folder of the stack, the count of `npm test`, the output of the terminal. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findChromium } from '../../tools/local/chromium.js';
import { ROOT, StackFolder } from '../../tools/local/folder.js';
import { lockHolder, takeLock } from '../../tools/local/lock.js';
import { processIdentity } from '../../tools/local/process.js';
import { readable } from '../../tools/local/log-line.js';
import { ServiceLogs } from '../../tools/local/service-logs.js';
import { Terminal } from '../../tools/local/terminal.js';
import { add, jestTally, slowest, stepTally, summaryLine } from '../../tools/local/test-report.js';

describe('in a folder of its own', () => {
  let folder: string;
  beforeEach(() => (folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-parts-'))));
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('a lock has one holder at a time, and is free after its release', () => {
    const file = path.join(folder, 'lock');
    const first = takeLock(file);
    expect(takeLock(file)).toEqual({ holder: { pid: process.pid, identity: processIdentity(process.pid) } });
    if ('lock' in first) first.lock.release();
    expect(lockHolder(file)).toBeUndefined();
    expect('lock' in takeLock(file)).toBe(true);
    expect(fs.readdirSync(folder)).toEqual(['lock']);
  });

  test('a lock is taken over from a dead process, from a reused pid, and if it is damaged', () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    for (const [name, content] of Object.entries({
      dead: JSON.stringify({ pid, identity: `${pid}@1` }),
      reused: JSON.stringify({ pid: process.pid, identity: `${process.pid}@1` }),
      garbage: '{"pid":',
    })) {
      fs.writeFileSync(path.join(folder, name), content);
      expect('lock' in takeLock(path.join(folder, name))).toBe(true);
    }
  });

  test('secrets are created once, a new service gets its own, and only this user can read them', () => {
    const first = new StackFolder(folder).secrets(['a'], ['cli']);
    const second = new StackFolder(folder).secrets(['a', 'b'], ['cli', 'auth-service']);
    expect(second).toMatchObject({
      superuser: first.superuser,
      callers: { cli: first.callers.cli, 'auth-service': expect.stringMatching(/^[0-9a-f]{48}$/) },
      passwords: { a: first.passwords.a },
    });
    expect(second.passwords.b).toMatch(/^[0-9a-f]{48}$/);
    expect(fs.statSync(path.join(folder, 'secrets.json')).mode & 0o777).toBe(0o600);
  });

  test('the error about a damaged file names the file and what to do', () => {
    fs.writeFileSync(path.join(folder, 'secrets.json'), '{');
    expect(() => new StackFolder(folder).secrets(['a'], [])).toThrow(
      /secrets\.json is not readable .* Remove this file/,
    );
  });

  test('a browser is found on the path, or at the path in CHROMIUM', () => {
    fs.writeFileSync(path.join(folder, 'chromium'), '');
    expect(findChromium({ PATH: `/nowhere${path.delimiter}${folder}` })).toBe(path.join(folder, 'chromium'));
    expect(findChromium({ PATH: folder, CHROMIUM: path.join(folder, 'missing') })).toBe(path.join(folder, 'chromium'));
  });
});

test('nest-cli.json lists every app, library and example', () => {
  const { projects } = JSON.parse(fs.readFileSync(path.join(ROOT, 'nest-cli.json'), 'utf8')) as {
    projects: Record<string, { root: string; sourceRoot: string }>;
  };
  const folders = ['apps', 'libs', 'examples'].flatMap((parent) =>
    fs.readdirSync(path.join(ROOT, parent)).map((name) => `${parent}/${name}`),
  );
  const listed = Object.entries(projects);
  expect(listed.map(([, { root }]) => root).sort()).toEqual(folders.sort());
  for (const [name, { root, sourceRoot }] of listed)
    expect([path.basename(root), sourceRoot]).toEqual([name, `${root}/src`]);
});

describe('the closing line of npm test', () => {
  const report = {
    numPassedTests: 3,
    numFailedTests: 1,
    numPendingTests: 1,
    numTodoTests: 0,
    numRuntimeErrorTestSuites: 1,
    testResults: [
      {
        name: 'a.spec.ts',
        startTime: 1_000,
        endTime: 3_500,
        assertionResults: [
          { status: 'pending', fullName: 'needs Kafka' },
          { status: 'passed', fullName: 'x' },
        ],
      },
    ],
  };

  test('counts every jest test, every file that could not be loaded, and every other step', () => {
    const sum = add([stepTally(true), stepTally(false), jestTally(report, 1)]);
    expect(summaryLine(sum)).toBe('4 passed, 3 failed, 1 skipped');
    expect(sum.skipped).toEqual(['a.spec.ts: needs Kafka']);
  });

  test('comes after the ten files that took longest', () => {
    const files = Array.from({ length: 12 }, (_, i) => ({
      name: `${i}.spec.ts`,
      startTime: 0,
      endTime: i * 1_000,
      assertionResults: [],
    }));
    const lines = slowest({ ...report, testResults: [...report.testResults, ...files] });
    expect(lines).toHaveLength(10);
    expect([lines[0], lines[9]]).toEqual(['   11.0 s  11.spec.ts', '    2.5 s  a.spec.ts']);
  });

  test('contains a failure when jest ended with an error', () => {
    const fine = { ...report, numFailedTests: 0, numRuntimeErrorTestSuites: 0 };
    expect(jestTally(fine, 0).failed).toBe(0);
    expect(jestTally(fine, 1).failed).toBe(1);
    expect(jestTally(undefined, 0).failed).toBe(1);
  });
});

describe('the terminal', () => {
  const line = JSON.stringify({
    level: 'info',
    time: '2026-12-01T09:06:56.262Z',
    service: 's',
    msg: 'listening',
    url: 'http://x',
    n: 1,
  });
  let out = '';
  const terminal = (colours: boolean): Terminal => new Terminal({ write: (text) => (out += text) }, colours);
  beforeEach(() => (out = ''));

  test('prints log lines with aligned names, and colours only on a terminal', () => {
    terminal(false).log('sandbox', line);
    expect(out).toBe('sandbox              09:06:56.262 info  listening url=http://x n=1\n');
    out = '';
    terminal(true).log('sandbox', line);
    expect(out).toContain('\u001b[36msandbox            \u001b[39m');
  });

  test('prints the message and the stack of an error', () => {
    const err = { name: 'Error', message: 'no route', stack: 'Error: no route\n    at a.js:1', code: 'E1' };
    expect(readable(JSON.stringify({ level: 'error', msg: 'failed', err }))).toBe(
      'error failed name=Error code=E1 error=no route\n    at a.js:1',
    );
  });

  test.each(['not json', '17', 'null', '{"a":1}'])('prints %s unchanged', (text) => expect(readable(text)).toBe(text));

  test('prints one line for each step, and the messages of the step below it', async () => {
    const screen = terminal(false);
    await screen.step('Postgres', async () => screen.say('a new cluster'));
    screen.say('done');
    expect(out).toMatch(/^ {2}Postgres \.+ +\d+\.\d s\n {4}a new cluster\ndone\n$/);
  });

  test('completes the line of a step after the log lines that were printed meanwhile', async () => {
    const screen = terminal(false);
    await screen.step('Postgres', async () => screen.log('sandbox', 'hello'));
    expect(out).toMatch(/^ {2}Postgres \.+ \nsandbox {14}hello\n {2}Postgres \.+ +\d+\.\d s\n$/);
  });

  test('names the step that failed', async () => {
    const failing = terminal(false).step('Postgres', () => Promise.reject(new Error('no space')));
    await expect(failing).rejects.toThrow('no space');
    expect(out).toMatch(/^ {2}Postgres \.+ failed\n$/);
  });
});

describe('the log files of the services', () => {
  let folder: string;
  beforeEach(() => (folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-logs-'))));
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
  const content = (name: string): string => fs.readFileSync(path.join(folder, name), 'utf8');

  test('keep the previous run', () => {
    for (const run of ['first', 'second', 'third']) {
      const logs = new ServiceLogs(folder, () => undefined);
      logs.write('auth-service', run);
      logs.close();
    }
    expect([content('auth-service.log'), content('auth-service.previous.log')]).toEqual(['third\n', 'second\n']);
    expect(fs.statSync(path.join(folder, 'auth-service.log')).mode & 0o777).toBe(0o600);
  });

  test('are bounded: a full file becomes the previous one', () => {
    const logs = new ServiceLogs(folder, () => undefined, 20);
    for (const line of ['one one one', 'two two two', 'three']) logs.write('x', line);
    logs.close();
    expect([content('x.log'), content('x.previous.log')]).toEqual(['three\n', 'one one one\ntwo two two\n']);
  });

  test('lead to one sentence for a warning or an error, not for each repetition', () => {
    const said: string[] = [];
    const logs = new ServiceLogs(folder, (text) => void said.push(text));
    const failed = JSON.stringify({ level: 'error', msg: 'cannot read the token.', err: { message: 'AccessDenied' } });
    for (const line of [JSON.stringify({ level: 'info', msg: 'listening' }), failed, failed, 'plain text'])
      logs.write('auth-service', line);
    logs.close();
    expect(said).toEqual([
      `auth-service logged an error: cannot read the token (AccessDenied). See ${path.relative('.', path.join(folder, 'auth-service.log'))}`,
    ]);
  });
});
