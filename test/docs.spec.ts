/** Files behind links, npm commands, metrics and environment variables that the documents name must exist. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const pages = [
  'README.md',
  'k8s/README.md',
  'examples/incident-service/README.md',
  'packages/README.md',
  'packages/access-guard/README.md',
  'packages/identity-events/README.md',
  ...readdirSync('docs')
    .filter((f) => f.endsWith('.md'))
    .map((f) => `docs/${f}`),
];
const sources = ['apps', 'libs']
  .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((f) => path.join(folder, f)))
  .filter((f) => f.endsWith('.ts') && !f.endsWith('.spec.ts'))
  .map((f) => readFileSync(f, 'utf8'))
  .join('\n');
const scripts = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }).scripts;
const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((m) => m[1] ?? '');

describe.each(pages)('%s', (page) => {
  const text = readFileSync(page, 'utf8');

  it('links to files that exist', () => {
    const missing = matches(text, /\]\(([^)#\s]+)[^)]*\)/g)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const file = path.join(path.dirname(page), target);
        return !readdirSync(path.dirname(file)).includes(path.basename(file));
      });
    expect(missing).toEqual([]);
  });

  it('names npm commands that exist', () => {
    expect(matches(text, /npm run ([a-z]+)/g).filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names metrics and settings that the code has', () => {
    const names = matches(
      text,
      /`((?:outbox|event|identity|offboarding|cognito|scim|access_guard)_[a-z_]+|[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)`/g,
    );
    expect(
      names.filter((name) => !sources.includes(name) && !/^(STACK_DIR|REQUIRE_|AWS_ACCESS|AWS_SECRET)/.test(name)),
    ).toEqual([]);
  });
});
