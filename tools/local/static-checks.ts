/** Lists the static checks, which run no test. */
import path from 'node:path';

/** Returns Node's arguments for running the script of an installed package. */
export const bin = (name: string, file: string): string[] => [path.join('node_modules', name, file)];

export const STATIC_CHECKS: readonly { name: string; args: readonly string[] }[] = [
  // It checks the types too (.oxlintrc.json), because it has read them for its rules.
  { name: 'oxlint', args: [...bin('oxlint', 'bin/oxlint'), '.'] },
  {
    name: 'dependency rule',
    args: [
      ...bin('dependency-cruiser', 'bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.mjs',
      'apps',
      'libs',
      'packages',
      'examples',
      'tools',
      'test',
      'bench',
    ],
  },
  { name: 'formatting', args: [...bin('oxfmt', 'bin/oxfmt'), '--check', '.'] },
];
