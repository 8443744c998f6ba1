/** Type-aware rules for the whole tree. The dependency rule checks who may import whom; nothing here repeats it. */
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Configuration is read in one place, so that every fault of it is reported at once and nothing is read in passing. */
const processEnv = {
  object: 'process',
  property: 'env',
  message:
    'Only libs/platform reads the environment (of a command line: libs/command-line/src/environment.ts): declare the setting in the config shape of the service.',
};

export default tseslint.config(
  { ignores: ['**/node_modules/', 'dist/', '.local/', '.cache/', 'coverage/', 'bench/peers/', 'infra/cdk.out/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './infra/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
        jsDocParsingMode: 'none', // no rule reads JSDoc, and parsing it takes time
      },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_',
          destructuredArrayIgnorePattern: '^_',
          ignoreRestSiblings: true,
        },
      ],
      // Handlers and implementations of an asynchronous interface may have nothing to wait for.
      '@typescript-eslint/require-await': 'off',
      // Nest modules are classes that carry nothing but a decorator.
      '@typescript-eslint/no-extraneous-class': 'off',
      'no-restricted-properties': ['error', processEnv],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    // A Lambda function has no service around it; its one setting is read in one file.
    files: [
      'libs/platform/**/*.ts',
      'libs/command-line/src/environment.ts',
      'apps/cognito-triggers/src/lambda/settings.ts',
      'tools/**/*.ts',
      'test/**/*.ts',
      'bench/**/*.ts',
      '**/*.spec.ts',
    ],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    // jest's asymmetric matchers (`expect.any(String)`) are typed `any`.
    files: ['**/*.spec.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
        clearTimeout: 'readonly',
        URL: 'readonly',
        fetch: 'readonly',
      },
    },
  },
  {
    files: ['examples/*/public/*.js'],
    languageOptions: {
      globals: {
        document: 'readonly',
        location: 'readonly',
        fetch: 'readonly',
        atob: 'readonly',
        TextDecoder: 'readonly',
      },
    },
  },
);
