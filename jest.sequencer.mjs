/**
 * The order of the test files. jest begins with what took longest the last time; in a fresh clone it knows of no last
 * time and goes by size, but the slowest specs are short ones that start whole stacks. They go first, so that no worker
 * is left alone with one of them at the end.
 */
import Sequencer from '@jest/test-sequencer';

/** The slowest first; measured where npm test ran on two cores. */
const SLOW = [
  /\/test\/(faults|e2e)\//,
  /\/test\/contract\/(postgres|kafka|subscriber)\./,
  /\/test\/local\/(start|harness|service-process)\./,
  /\/test\/offboarding\/(mass|trouble|brake)\./,
  /\/test\/okta-signals\//,
  /\/test\/(browser|peers)\//,
  /\/test\/auth\/universal-logout/,
  /\/test\/identity\/(roles-property|role-brake-property|scale|reconciler)\./,
  /\/test\/offboarding\/no-revival\//,
  /\/test\/local\/(dependency-rule|bootstrap)\./,
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
