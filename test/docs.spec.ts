/**
 * Files and headings behind links, commands, metrics and settings that the documents name must exist. Every alert rule has
 * its page, and every page its rule.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { parse } from 'yaml';
import type { ProgramSpec } from '#command-line';
import { stackflow } from '../apps/cli/src/stackflow.js';
import { okta } from '../apps/sandbox/src/cli/program.js';
import { Metrics } from '../libs/platform/src/metrics.js';

const tracked = (...patterns: string[]): string[] =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate', ...patterns], {
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(file));
const read = (file: string): string => readFileSync(file, 'utf8');
const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((m) => m[1] ?? '');
const withoutBlocks = (text: string): string => text.replace(/^ *```[\s\S]*?^ *```/gm, '');

const pages = tracked('*.md');
const source = tracked('apps/*.ts', 'libs/*.ts', 'packages/*.ts')
  .filter((file) => !file.endsWith('.spec.ts'))
  .map(read)
  .join('\n');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** The anchors that GitHub makes of the headings of a page. */
const anchorsOf = (page: string): string[] =>
  matches(withoutBlocks(read(page)), /^#+ (.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe.each(pages)('%s', (page) => {
  const text = read(page);

  it('links to files and headings that exist', () => {
    const links = matches(withoutBlocks(text), /\]\(([^)\s]+)\)/g).filter((target) => !/^[a-z]+:/.test(target));
    const missing = links.filter((target) => {
      const [relative = '', anchor] = target.split('#');
      const file = relative === '' ? page : path.join(path.dirname(page), relative);
      return !existsSync(file) || (anchor !== undefined && !anchorsOf(file).includes(anchor));
    });
    expect(missing).toEqual([]);
  });

  it('names npm commands that exist', () => {
    expect(matches(text, /npm run (?:-s |--silent )?([a-z:]+)/g).filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names settings that the code has', () => {
    const names = matches(text, /`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)`/g);
    expect(
      names.filter((name) => !source.includes(name) && !/^(STACK_DIR|REQUIRE_|AWS_ACCESS|AWS_SECRET)/.test(name)),
    ).toEqual([]);
  });
});

/** The pages that a reader reaches by links, from README.md. */
const reachable = new Set<string>(['README.md']);
for (const page of reachable)
  for (const target of matches(read(page), /\]\(([^)#\s]+\.md)/g)) {
    const file = path.join(path.dirname(page), target);
    if (!target.includes(':') && existsSync(file)) reachable.add(file);
  }

describe('the documents', () => {
  it('can all be reached from README.md', () => {
    const folders = /^(docs|k8s|examples)\/|^[^/]+$/;
    expect(pages.filter((page) => folders.test(page) && !reachable.has(page))).toEqual([]);
  });

  it('keep the architecture short', () => {
    expect(read('docs/architecture.md').split('\n').length).toBeLessThanOrEqual(150);
  });
});

/** The options of each command, by its words, for example `offboarding held`. An area has an entry without options. */
async function commandsOf(program: ProgramSpec): Promise<Map<string, readonly string[]>> {
  const commands = new Map<string, readonly string[]>([['help', []]]);
  for (const entry of program.entries) {
    const loaded = await entry.load();
    const isArea = !('run' in loaded);
    if (isArea) commands.set(entry.name, []);
    for (const spec of isArea ? loaded : [loaded]) {
      const command = new Command();
      spec.options?.(command);
      program.options?.(command);
      const verb = spec.usage.split(' ')[0] ?? '';
      commands.set(
        isArea ? `${entry.name} ${verb}` : verb,
        command.options.flatMap(({ short, long }) => [short ?? '', long ?? '']),
      );
    }
  }
  return commands;
}

describe.each([
  ['stackflow', await commandsOf(stackflow), /(?<![\w/-])stackflow(?: --)?((?: [^\s`|]+)+)/g],
  ['okta', await commandsOf(okta), /npm run (?:-s |--silent )?okta --((?: [^\s`|)]+)+)/gm],
] as const)('the command line %s', (_program, commands, pattern) => {
  const areas = new Set([...commands.keys()].filter((name) => name.includes(' ')).map((name) => name.split(' ')[0]));

  it('is named by the documents', () => {
    expect(pages.flatMap((page) => matches(read(page), pattern)).length).toBeGreaterThan(10);
  });

  it.each(pages)('has the commands and options that %s names', (page) => {
    const unknown = matches(read(page), pattern).filter((written) => {
      const [first = '', second = '', ...rest] = written
        .trim()
        .split(' ')
        .map((word) => word.replace(/[.,;:]$/, ''));
      if (/^[<.-]/.test(first)) return false; // a placeholder or --help
      const isWhole = !areas.has(first) || /^[<-]/.test(second) || second === '';
      const options = commands.get(isWhole ? first : `${first} ${second}`);
      const used = [second, ...rest].filter((word) => /^--[a-z]/.test(word) && word !== '--help' && word !== '--json');
      return !options || used.some((word) => !options.includes(word));
    });
    expect(unknown).toEqual([]);
  });
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly runbook_url: string };
}

describe('metrics and alerts', () => {
  const own = new Map(
    [...source.matchAll(/\.(counter|gauge|histogram)(?:<[^>]*>)?\(\s*'(\w+)'|name: '(access_guard_\w+)'/g)].map(
      ([, kind = 'counter', name, ofGuard]) => [name ?? ofGuard ?? '', kind],
    ),
  );
  const series = new Set<string>(new Metrics('any').registry.getMetricsAsArray().map(({ name }) => name));
  for (const [name, kind] of own)
    for (const suffix of kind === 'histogram' ? ['', '_bucket', '_sum', '_count'] : ['']) series.add(name + suffix);
  const unknown = (text: string, pattern: RegExp): string[] =>
    matches(text, pattern).filter((name) => !series.has(name));

  const rulesFile = parse(read('k8s/prometheus/rules.yaml')) as { groups: readonly { rules: readonly Rule[] }[] };
  const rules = rulesFile.groups.flatMap((group) => group.rules);

  it('finds the metrics of the code', () => {
    expect(own.size).toBeGreaterThan(40);
    expect(own.get('outbox_oldest_seconds')).toBe('gauge');
    expect(own.get('access_guard_decisions_total')).toBe('counter');
  });

  it.each(pages.filter((page) => page.startsWith('docs/')))('%s names metrics that exist', (page) => {
    const families = 'outbox|events?|identity|offboarding|cognito|scim|okta|auth|access_guard|secret_store';
    const names = new RegExp(
      `\`((?:${families})_\\w+(?:_total|_seconds|_cases|_people|_accounts|_keys|_lag|_paused))\``,
      'g',
    );
    expect(unknown(read(page), names)).toEqual([]);
  });

  it('are all described in docs/metrics.md', () => {
    expect(matches(read('docs/metrics.md'), /^\| `(\w+)`/gm).sort()).toEqual([...own.keys()].sort());
  });

  it.each(rules)('$alert asks for metrics that exist', ({ expr }) => {
    const bare = expr.replace(/\{[^}]*\}|\[[^\]]*\]|\bby\s*\([^)]*\)|"[^"]*"/g, ' ');
    const names = matches(bare, /\b([a-z]+(?:_[a-z]+)+)\b/g);
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !series.has(name))).toEqual([]);
  });

  it.each(rules)('$alert has a page that names its severity', ({ alert, labels, annotations }) => {
    const page = `docs/runbook/${alert.replace(/\B[A-Z]/g, '-$&').toLowerCase()}.md`;
    expect(annotations.runbook_url).toBe(page);
    expect(read(page)).toMatch(new RegExp(`^# ${alert}\n\n\\*\\*${labels.severity}\\*\\*`, 'i'));
    expect(read('docs/operations.md')).toContain(`[${alert}](${page.replace('docs/', '')})`);
  });

  it('has no page without an alert', () => {
    expect(tracked('docs/runbook/*.md').sort()).toEqual(rules.map((rule) => rule.annotations.runbook_url).sort());
  });
});
