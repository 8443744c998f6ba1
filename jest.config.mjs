/** @type {import('jest').Config} */
export default {
  rootDir: '.',
  roots: ['<rootDir>/libs', '<rootDir>/apps', '<rootDir>/tools', '<rootDir>/test', '<rootDir>/infra/src'],
  testMatch: ['**/*.spec.ts'],
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^#contracts/clients$': '<rootDir>/libs/contracts/src/clients.ts',
    '^#(.*)$': '<rootDir>/libs/$1/src/index.ts',
    '^@stackflow/([^/]+)$': '<rootDir>/packages/$1/src/index.ts',
    '^@stackflow/([^/]+)/(.+)$': '<rootDir>/packages/$1/src/$2.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.ts$': ['@swc/jest', { swcrc: true }] },
  testTimeout: 30_000,
  maxWorkers: 2,
  testSequencer: '<rootDir>/jest.sequencer.mjs',
};
