/** Lists the static checks, which run no test. */
import path from 'node:path';

/** Returns Node's arguments for running the script of an installed package. */
export const bin = (name: string, file: string): string[] => [path.join('node_modules', name, file)];

export const STATIC_CHECKS: readonly { name: string; args: readonly string[] }[] = [
  { name: 'eslint', args: [...bin('eslint', 'bin/eslint.js'), '.', '--ignore-pattern=infra/', '--max-warnings=0'] },
  // TypeScript 7 checks in a third of the time. eslint's rules still need version 6.
  { name: 'types', args: [...bin('typescript-7', 'bin/tsc'), '--noEmit', '-p', 'tsconfig.json'] },
  { name: 'types of infra', args: [...bin('typescript-7', 'bin/tsc'), '-p', 'infra/tsconfig.json'] },
  // On its own, because the types of the CDK take long to read.
  { name: 'eslint of infra', args: [...bin('eslint', 'bin/eslint.js'), 'infra', '--max-warnings=0'] },
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
  { name: 'formatting', args: [...bin('prettier', 'bin/prettier.cjs'), '--check', '--log-level=warn', '.'] },
];
