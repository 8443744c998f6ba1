import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { at, COMMANDS, JOBS, SERVICES } from './services.js';

const dockerfile = readFileSync(at('Dockerfile'), 'utf8');
const stages = dockerfile.split(/^FROM /m).slice(1);
const final = stages.at(-1) ?? '';
const { version, dependencies } = JSON.parse(readFileSync(at('package.json'), 'utf8')) as {
  version: string;
  dependencies: Record<string, string>;
};

/** Names of the packages that a source imports at run time. */
function packagesIn(source: string): string[] {
  const statements = source.matchAll(/^(?:import|export) (?!type )[\w\s{},*]*?(?:from )?'([^']+)';$/gm);
  const specifiers = [...statements].map((m) => m[1] ?? '');
  const bare = specifiers.filter((s) => !s.startsWith('.') && !s.startsWith('#') && !isBuiltin(s));
  return bare.map((s) =>
    s
      .split('/')
      .slice(0, s.startsWith('@') ? 2 : 1)
      .join('/'),
  );
}

describe('the Dockerfile', () => {
  it('builds and runs on the Node version of the repository', () => {
    const pinned = readFileSync(at('.node-version'), 'utf8').trim();
    expect(dockerfile).toContain(`ARG NODE_VERSION=${pinned}\n`);
    for (const stage of stages) expect(stage).toMatch(/^node:\$\{NODE_VERSION\}-/);
  });

  it('runs as a numeric user other than root, who does not own the files', () => {
    expect(final).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(final).not.toContain('--chown');
  });

  it('takes production dependencies from the lock file only', () => {
    expect(dockerfile).toMatch(/npm ci --omit=dev --omit=optional --ignore-scripts/);
    expect(final).toMatch(/^COPY --from=dependencies \/app\/node_modules/m);
    expect(dockerfile).not.toMatch(/npm (i|install)\b/);
  });

  it('runs no script of a package while it is built, and loads no other front end of the builder', () => {
    const installs = dockerfile.match(/npm ci [^\n]*/g) ?? [];
    expect(installs).toHaveLength(2);
    for (const command of installs) expect(command).toContain('--ignore-scripts');
    expect(dockerfile).not.toMatch(/^# *syntax=/m);
  });

  it('contains the deployed programs but not the stand-ins for Okta and Cognito', () => {
    const removed = /rm -rf ([^\n\\]*)/.exec(dockerfile)?.[1]?.trim().split(' ') ?? [];
    expect(removed).toEqual(expect.arrayContaining(['dist/apps/sandbox', 'dist/tools', 'dist/test', 'dist/bench']));
    for (const { entry } of Object.values({ ...SERVICES, ...JOBS, ...COMMANDS }))
      expect(removed.filter((folder) => `dist/${entry}`.startsWith(`${folder}/`))).toEqual([]);
  });

  it('contains every package that the deployed sources import, without development dependencies', () => {
    const sources = globSync(['apps/*/src/**/*.ts', 'libs/*/src/**/*.ts'], { cwd: at() }).filter(
      (f) => !/^apps.sandbox|\.spec\.ts$/.test(f),
    );
    const imported = sources.flatMap((file) => packagesIn(readFileSync(at(file), 'utf8')));
    expect(imported).toEqual(expect.arrayContaining(['@nestjs/core', 'pg', 'kafkajs']));
    expect([...new Set(imported)].filter((name) => !(name in dependencies))).toEqual([]);
  });

  it('has the command line on the PATH as "stackflow"', () => {
    expect(final).toContain(`exec node /app/dist/${COMMANDS.cli?.entry}.js "$@"`);
    expect(final).toMatch(/> \/usr\/local\/bin\/stackflow \\\n && chmod 755 \/usr\/local\/bin\/stackflow/);
  });

  it('takes no secret as an argument', () => {
    const given = [...dockerfile.matchAll(/^(?:ARG|ENV) (\w+)/gm)].map((m) => m[1]);
    expect(given).toEqual(['NODE_VERSION', 'NODE_ENV']);
  });
});

describe('the tag of the image', () => {
  it.each(['docker-compose.yml', 'k8s/base/kustomization.yaml', 'k8s/overlays/example/kustomization.yaml'])(
    'is the version of package.json in %s',
    (file) => {
      const tags = [...readFileSync(at(file), 'utf8').matchAll(/(?:stackflow-okta:|newTag: )([\w.-]+)/g)].map(
        (m) => m[1],
      );
      expect(tags.length).toBeGreaterThan(0);
      expect(new Set(tags)).toEqual(new Set([version]));
    },
  );
});
