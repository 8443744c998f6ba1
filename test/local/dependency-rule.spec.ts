/** A small tree with one import per rule of docs/architecture.md: the check must report these, and only these. */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../tools/local/folder.js';

const TREE: Readonly<Record<string, string>> = {
  'tsconfig.json': JSON.stringify({
    compilerOptions: { module: 'nodenext', moduleResolution: 'nodenext', paths: { '#*': ['./libs/*/src/index.ts'] } },
  }),
  'package.json': JSON.stringify({ type: 'module' }),
  'node_modules/kafkajs/package.json': JSON.stringify({ name: 'kafkajs', version: '1.0.0', main: 'index.js' }),
  'node_modules/kafkajs/index.js': 'module.exports = {};',
  'node_modules/jose/package.json': JSON.stringify({ name: 'jose', version: '1.0.0', main: 'index.js' }),
  'node_modules/jose/index.js': 'module.exports = {};',

  // allowed
  'libs/platform/src/index.ts': 'export const platform = 1;',
  'libs/events/src/index.ts': 'export const events = 1;',
  'libs/scim/src/index.ts': "export * from './inner.js';",
  'libs/scim/src/inner.ts': 'export const inner = 1;',
  'libs/event-bus/src/index.ts': "import '#events'; import '#platform'; import './bus.js';",
  'libs/event-bus/src/bus.ts': "import './carriers/kafka/strategy.js'; import './carriers/postgres/strategy.js';",
  'libs/event-bus/src/carriers/kafka/strategy.ts': "import 'kafkajs'; import '../../producer/publisher.js';",
  'libs/event-bus/src/carriers/postgres/strategy.ts': "import '../../producer/publisher.js';",
  'libs/event-bus/src/producer/publisher.ts': 'export interface Publisher {}',
  'apps/one/src/main.ts': "import '#platform'; import '#scim'; import './part.js';",
  'apps/one/src/part.ts': 'export const part = 1;',
  'apps/one/src/part.spec.ts': "import '../../../test/support/help.js';",
  'apps/sandbox/src/main.ts': "import '#platform'; import '../../cognito-triggers/src/verify.js';",
  'apps/cognito-triggers/src/verify.ts': "import 'jose';",
  'tools/local/start.ts': "import '../../apps/sandbox/src/main.js'; import '../../apps/one/src/main.js';",
  'test/support/help.ts': "import '../../apps/sandbox/src/main.js'; import 'kafkajs';",

  // forbidden, one each
  'libs/platform/src/to-app.ts': "import '../../../apps/one/src/part.js';",
  'libs/scim/src/to-platform.ts': "import '#platform';",
  'libs/events/src/to-scim.ts': "import type {} from '#scim';",
  'apps/two/src/to-one.ts': "import '../../one/src/part.js';",
  'apps/two/src/to-triggers.ts': "import '../../cognito-triggers/src/verify.js';",
  'apps/sandbox/src/to-one.ts': "import '../../one/src/part.js';",
  'apps/cognito-triggers/src/to-platform.ts': "import '#platform';",
  'apps/cognito-triggers/src/to-package.ts': "import 'kafkajs';",
  'apps/two/src/to-tools.ts': "import '../../../tools/other/tool.js';",
  'tools/other/tool.ts': 'export const tool = 1;',
  'tools/other/to-sandbox.ts': "import '../../apps/sandbox/src/main.js';",
  'libs/event-bus/src/to-kafkajs.ts': "import 'kafkajs';",
  'libs/event-bus/src/carriers/postgres/to-kafka.ts': "import '../kafka/strategy.js';",
  'libs/event-bus/src/carriers/kafka/to-postgres.ts': "import type {} from '../postgres/strategy.js';",
  'libs/event-bus/src/producer/to-carrier.ts': "import type {} from '../carriers/postgres/strategy.js';",
  'libs/event-bus/src/consumer/to-bus.ts': "import '../bus.js';",
  'libs/event-bus/src/carriers/postgres/to-nowhere.ts': "import './nothing.js';",
  'libs/platform/src/types-a.ts':
    "import type { B } from './types-b.js'; export interface A { b: B } export const a = 1;",
  'libs/platform/src/types-b.ts': "import { a } from './types-a.js'; export interface B { a: typeof a }",
  'libs/platform/src/cycle-a.ts': "import { b } from './cycle-b.js'; export const a = b;",
  'libs/platform/src/cycle-b.ts': "import { a } from './cycle-a.js'; export const b = a;",
};

const EXPECTED = [
  'carriers-do-not-import-each-other: libs/event-bus/src/carriers/kafka/to-postgres.ts',
  'carriers-do-not-import-each-other: libs/event-bus/src/carriers/postgres/to-kafka.ts',
  'kafkajs-behind-one-folder: apps/cognito-triggers/src/to-package.ts',
  'kafkajs-behind-one-folder: libs/event-bus/src/to-kafkajs.ts',
  'libs-do-not-import-apps: libs/platform/src/to-app.ts',
  'no-app-imports-an-app: apps/two/src/to-one.ts',
  'no-app-imports-an-app: apps/two/src/to-triggers.ts',
  'no-cycles: libs/platform/src/cycle-a.ts',
  'no-cycles: libs/platform/src/types-a.ts',
  'producer-and-consumer-know-no-carrier: libs/event-bus/src/consumer/to-bus.ts',
  'producer-and-consumer-know-no-carrier: libs/event-bus/src/producer/to-carrier.ts',
  'product-does-not-import-tooling: apps/two/src/to-tools.ts',
  'resolvable: libs/event-bus/src/carriers/postgres/to-nowhere.ts',
  'sandbox-only-for-local-runs: tools/other/to-sandbox.ts',
  'sandbox-runs-the-triggers-alone: apps/sandbox/src/to-one.ts',
  'scim-events-and-contracts-stand-alone: libs/events/src/to-scim.ts',
  'scim-events-and-contracts-stand-alone: libs/scim/src/to-platform.ts',
  'triggers-stand-alone: apps/cognito-triggers/src/to-package.ts',
  'triggers-stand-alone: apps/cognito-triggers/src/to-platform.ts',
];

describe('the dependency rules', () => {
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-imports-'));
    for (const [name, text] of Object.entries(TREE)) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      fs.writeFileSync(path.join(folder, name), text);
    }
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('report every forbidden import and no allowed one', () => {
    const cli = path.join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const args = [
      cli,
      '--config',
      path.join(ROOT, '.dependency-cruiser.mjs'),
      '-T',
      'json',
      'apps',
      'libs',
      'tools',
      'test',
    ];
    const report = JSON.parse(
      execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: plainEnv() }),
    ) as {
      summary: { violations: { rule: { name: string }; from: string }[] };
    };
    const seen = report.summary.violations.map((v) => `${v.rule.name}: ${v.from}`);
    expect([...new Set(seen)].sort()).toEqual(EXPECTED);
  });
});

describe('oxlint', () => {
  const text =
    'export const shell = process.env.SHELL;\nexport const any = (x: any): string => String(typeof x);\nPromise.resolve();\nexport const type: string = 1;\n';
  let folder: string;
  beforeAll(() => {
    folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-lint-'));
    fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
    fs.copyFileSync(path.join(ROOT, '.oxlintrc.json'), path.join(folder, '.oxlintrc.json'));
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    fs.writeFileSync(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { strict: true, types: ['node'] }, include: ['**/*.ts'] }),
    );
    for (const sources of [
      'apps/cognito-triggers/src/lambda',
      'apps/one/src',
      'libs/settings/src',
      'libs/platform/src',
      'tools/local',
    ]) {
      fs.mkdirSync(path.join(folder, sources), { recursive: true });
      fs.writeFileSync(path.join(folder, sources, sources.endsWith('lambda') ? 'settings.ts' : 'file.ts'), text);
    }
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  test('refuses wrong types, any and floating promises everywhere, and the environment except in platform, tools and the settings of a Lambda', () => {
    const rules = lint(folder);
    const everywhere = ['typescript(TS2322)', 'typescript(no-explicit-any)', 'typescript(no-floating-promises)'];
    expect(rules).toEqual({
      'apps/cognito-triggers/src/lambda/settings.ts': everywhere,
      'apps/one/src/file.ts': ['eslint(no-restricted-properties)', ...everywhere],
      'libs/settings/src/file.ts': ['eslint(no-restricted-properties)', ...everywhere],
      'libs/platform/src/file.ts': everywhere,
      'tools/local/file.ts': everywhere,
    });
  });
});

function lint(folder: string): Record<string, string[]> {
  const { stdout } = spawnSync(
    process.execPath,
    [path.join(folder, 'node_modules/oxlint/bin/oxlint'), '-f', 'json', 'apps', 'libs', 'tools'],
    {
      cwd: folder,
      encoding: 'utf8',
      env: plainEnv(),
    },
  );
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { filename: string; code: string }[] };
  const found: Record<string, string[]> = {};
  for (const { filename, code } of diagnostics) (found[filename] ??= []).push(code);
  for (const codes of Object.values(found)) codes.sort();
  return found;
}

function plainEnv(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _flags, ...env } = process.env;
  return env;
}
