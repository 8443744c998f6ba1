/** Counts work instead of time: the result is the same on an idle and on a busy machine. */
import { Session } from 'node:inspector/promises';
import type { Profiler } from 'node:inspector';

/**
 * Runs `work` and returns how often V8 ran a function or a counted block (such as the body of a loop) of the files
 * whose path contains `file`.
 */
export async function steps(file: string, work: () => void): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    work();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const counted = result.filter(({ url }) => url.includes(file));
    return counted.flatMap((script) => script.functions.flatMap(countsOf)).reduce((sum, count) => sum + count, 0);
  } finally {
    await session.post('Profiler.stopPreciseCoverage');
    session.disconnect();
  }
}

const countsOf = ({ ranges }: Profiler.FunctionCoverage): number[] => ranges.map(({ count }) => count);
