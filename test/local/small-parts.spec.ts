/** Small parts of tools/local: locks, the folder of the stack, the count of `npm test`, the output of the terminal. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findChromium } from '../../tools/local/chromium.js';
import { ROOT, StackFolder } from '../../tools/local/folder.js';
import { lockHolder, takeLock } from '../../tools/local/lock.js';
import { processIdentity } from '../../tools/local/process.js';
import { readable, Terminal } from '../../tools/local/terminal.js';
import {
  add,
  afterSecondTry,
  jestTally,
  stepTally,
  summaryLine,
  worthASecondTry,
  type JestReport,
} from '../../tools/local/test-report.js';

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
    const first = new StackFolder(folder).secrets(['a']);
    const second = new StackFolder(folder).secrets(['a', 'b']);
    expect(second).toMatchObject({
      superuser: first.superuser,
      internalToken: first.internalToken,
      passwords: { a: first.passwords.a },
    });
    expect(second.passwords.b).toMatch(/^[0-9a-f]{48}$/);
    expect(fs.statSync(path.join(folder, 'secrets.json')).mode & 0o777).toBe(0o600);
  });

  test('the error about a damaged file names the file and what to do', () => {
    fs.writeFileSync(path.join(folder, 'secrets.json'), '{');
    expect(() => new StackFolder(folder).secrets(['a'])).toThrow(/secrets\.json is not readable .* Remove this file/);
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

  test('contains a failure when jest ended with an error', () => {
    const fine = { ...report, numFailedTests: 0, numRuntimeErrorTestSuites: 0 };
    expect(jestTally(fine, 0).failed).toBe(0);
    expect(jestTally(fine, 1).failed).toBe(1);
    expect(jestTally(undefined, 0).failed).toBe(1);
  });
});

describe('a second try', () => {
  const run = (files: Readonly<Record<string, readonly (string | null)[]>>): JestReport => {
    const all = Object.values(files).flat();
    return {
      numPassedTests: all.filter((reason) => reason === null).length,
      numFailedTests: all.filter((reason) => reason !== null).length,
      numPendingTests: 0,
      numTodoTests: 0,
      numRuntimeErrorTestSuites: 0,
      testResults: Object.entries(files).map(([name, tests]) => ({
        name,
        assertionResults: tests.map((reason, i) => ({
          status: reason === null ? 'passed' : 'failed',
          fullName: `test ${i}`,
          ...(reason !== null && { failureMessages: [`Error: ${reason}\n    at somewhere`] }),
        })),
      })),
    };
  };

  test('is given to a few failing files, but not to many, and not to a file that cannot be loaded', () => {
    const one = run({ 'test/a.spec.ts': [null, 'expected 1'], 'test/b.spec.ts': [null] });
    expect(worthASecondTry(one)).toEqual([{ file: 'test/a.spec.ts', test: 'test 1', reason: 'Error: expected 1' }]);
    const many = run(Object.fromEntries([1, 2, 3, 4].map((n) => [`test/${n}.spec.ts`, ['expected 1']])));
    expect(worthASecondTry(many)).toEqual([]);
    expect(worthASecondTry({ ...one, numRuntimeErrorTestSuites: 1 })).toEqual([]);
    expect(worthASecondTry(undefined)).toEqual([]);
  });

  test('is given to a test of a promise only if a wait ran out', () => {
    const file = '/home/me/x/test/faults/p1.spec.ts';
    expect(worthASecondTry(run({ [file]: ['not within 60000 ms: all handled'] }))).toHaveLength(1);
    expect(worthASecondTry(run({ [file]: ['2 events lost'] }))).toEqual([]);
  });

  test('replaces the results of its files in the sum', () => {
    const first = run({ 'a.spec.ts': [null, 'expected 1'], 'b.spec.ts': [null, null] });
    const fine = afterSecondTry(first, run({ 'a.spec.ts': [null, null] }), 0);
    expect(summaryLine(fine)).toBe('4 passed, 0 failed, 0 skipped');
    const bad = afterSecondTry(first, run({ 'a.spec.ts': ['expected 1', null] }), 1);
    expect(summaryLine(bad)).toBe('3 passed, 1 failed, 0 skipped');
    expect(afterSecondTry(first, undefined, 1).failed).toBe(1);
  });
});

describe('the terminal', () => {
  const line = JSON.stringify({ level: 'info', time: 'x', service: 's', msg: 'listening', url: 'http://x', n: 1 });

  test('prints coloured sentences for a person, and unchanged lines into a file', () => {
    let out = '';
    new Terminal({ write: (text) => (out += text) }, true).service('sandbox', line);
    expect(out).toBe('\u001b[36msandbox          \u001b[0m| info  listening  url=http://x  n=1\n');
    out = '';
    new Terminal({ write: (text) => (out += text) }, false).service('sandbox', line);
    expect(out).toBe(`sandbox          | ${line}\n`);
  });

  test.each(['not json', '17', 'null', '{"a":1}'])('prints %s unchanged', (text) => expect(readable(text)).toBe(text));
});
