/** Plants each listed bug while jest compiles the sources, and runs the test that must notice it. */
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../local/folder.js';
import { bin } from '../local/static-checks.js';
import { runNode, say, seconds } from '../local/test-output.js';
import { PLANTED_BUGS, type PlantedBug } from './planted-bugs.js';

type Result = 'noticed' | 'SURVIVED' | 'DOES NOT FIT' | 'RUNS NO TEST';

/** Returns true if a test noticed every bug. `texts` select bugs; none selects all. */
export async function plantBugs(texts: readonly string[], env: NodeJS.ProcessEnv): Promise<boolean> {
  const chosen = PLANTED_BUGS.filter(
    ({ bug, file }) => texts.length === 0 || texts.some((text) => bug.includes(text) || file.includes(text)),
  );
  let noticed = 0;
  for (const bug of chosen) {
    const began = Date.now();
    const result = await plant(bug, env);
    if (result === 'noticed') noticed++;
    say(`${result.padEnd(12)}  ${seconds(began).padStart(7)}  ${bug.bug} (${bug.file})`);
  }
  say(`${noticed} of ${chosen.length} planted bugs were noticed`);
  return noticed === chosen.length;
}

async function plant(bug: PlantedBug, env: NodeJS.ProcessEnv): Promise<Result> {
  if (fs.readFileSync(path.join(ROOT, bug.file), 'utf8').split(bug.find).length !== 2) return 'DOES NOT FIT';
  const report = path.join(ROOT, '.cache', 'planted-bug.json');
  fs.rmSync(report, { force: true });
  const transform = JSON.stringify({ '^.+\\.ts$': '<rootDir>/tools/mutants/plant.mjs' });
  await runNode(
    [
      '--experimental-vm-modules',
      ...bin('jest', 'bin/jest.js'),
      ...['--runInBand', '--silent', '--json', `--outputFile=${report}`, '--transform', transform],
      ...[bug.spec, '--testNamePattern', bug.test],
    ],
    { env: { ...env, PLANTED_BUG: JSON.stringify(bug) } },
  );
  const counted = JSON.parse(fs.readFileSync(report, 'utf8')) as { numFailedTests: number; numPassedTests: number };
  if (counted.numFailedTests > 0) return 'noticed';
  return counted.numPassedTests > 0 ? 'SURVIVED' : 'RUNS NO TEST';
}
