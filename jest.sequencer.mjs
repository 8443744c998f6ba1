/**
 * The order of the test files. jest begins with what took longest the last time; in a fresh clone it knows of no last
 * time and goes by size, but the slowest specs are short ones that start whole stacks. They go first, so that no worker
 * is left alone with one of them at the end.
 */
import Sequencer from '@jest/test-sequencer';

/** The slowest first; measured where npm test ran on two cores. */
const SLOW = [
  /\/test\/e2e\//,
  /\/test\/offboarding\/(mass|trouble)\./,
  /\/test\/faults\//,
  /\/test\/(browser|peers)\//,
  /\/test\/offboarding\/no-revival\/statements\./,
  /\/test\/okta-signals\//,
  /\/test\/local\/(start|dependency-rule|harness|bootstrap|service-process)\./,
];

const rank = ({ path }) => {
  const found = SLOW.findIndex((pattern) => pattern.test(path));
  return found === -1 ? SLOW.length : found;
};

export default class SlowestFirst extends Sequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    return sorted.some((test) => test.duration != null) ? sorted : sorted.sort((a, b) => rank(a) - rank(b));
  }
}
