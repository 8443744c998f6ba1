import path from 'node:path';

/*
 * Our code is ESM. jest can run it only where Node has this flag, and a configuration cannot give flags to its own
 * process. The worker processes inherit the environment, so they have it, and the memory limit makes jest use workers
 * even for a single file. With --runInBand the flag has to be in NODE_OPTIONS already.
 */
process.env.NODE_OPTIONS = [
  process.env.NODE_OPTIONS,
  '--experimental-vm-modules --disable-warning=ExperimentalWarning --disable-warning=TimeoutNegativeWarning',
].join(' ');

// Programs that tests start load the same thousand modules again and again. From the cache it takes a fifth less.
process.env.NODE_COMPILE_CACHE ??= path.join(import.meta.dirname, '.cache', 'compile');

/** @type {import('jest').Config} */
export default {
  rootDir: '.',
  roots: ['<rootDir>/libs', '<rootDir>/apps', '<rootDir>/tools', '<rootDir>/test', '<rootDir>/infra/src'],
  testMatch: ['**/*.spec.ts'],
  testEnvironment: 'node',
  globalSetup: '<rootDir>/jest.setup.mjs',
  globalTeardown: '<rootDir>/jest.teardown.mjs',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^#contracts/clients$': '<rootDir>/libs/contracts/src/clients.ts',
    '^#(.*)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: { '^.+\\.ts$': ['@swc/jest', { swcrc: true }] },
  testTimeout: 30_000,
  maxWorkers: 3, // for two cores, because the long test files wait most of their time
  workerIdleMemoryLimit: '4GB',
  testSequencer: '<rootDir>/jest.sequencer.mjs',
};
