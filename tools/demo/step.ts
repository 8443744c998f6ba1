/** The common part of all steps of the demonstration: tools, outcome, result. */
import type { Brake } from './brake.js';
import type { Okta } from './okta.js';
import { DemoProblem } from './stack.js';
import { printTimeline, zeroOf, type Cause, type Records } from './timeline.js';
import type { Expectation, UserPoolReader } from './user-pool.js';

export interface Tools {
  readonly okta: Okta;
  readonly pool: UserPoolReader;
  readonly records: Records;
  readonly brake: Brake;
  readonly tenantId: string;
  readonly print: (line: string) => void;
}

export interface Verdict {
  readonly test: string;
  readonly wrong: readonly string[];
}

/** A new person for this run. */
export interface Person {
  readonly login: string;
  readonly firstName: string;
  readonly lastName: string;
}

/** Checks that the requests of a step have the expected result. Prints the timeline in any case. */
export async function outcome(tools: Tools, cause: Cause, scimId: string, expected: Expectation): Promise<string[]> {
  const sent = cause.deliveries.length > 0 || cause.exchanges.some((e) => e.method !== 'GET');
  if (!sent) return ['Okta sent nothing'];
  const wrong = await tools.pool.settle(scimId, expected, () => tools.brake.letThrough(scimId));
  const closing = expected.enabled || wrong.length > 0 ? [] : await tools.records.closing(cause, scimId);
  printTimeline([...(await tools.records.of(cause, scimId)), ...closing], zeroOf(cause), tools.print);
  return wrong;
}

export async function verdict(tools: Tools, test: string, run: () => Promise<string[]>): Promise<Verdict> {
  tools.print(test);
  const wrong = await run().catch((error: unknown) => {
    if (error instanceof DemoProblem) return [error.message];
    throw error;
  });
  tools.print(wrong.length === 0 ? '  PASS' : `  FAIL  ${wrong.join('; ')}`);
  tools.print('');
  return { test, wrong };
}

/** Runs the steps in order until one fails. */
export async function inOrder(...steps: readonly (() => Promise<string[]>)[]): Promise<string[]> {
  for (const step of steps) {
    const wrong = await step();
    if (wrong.length > 0) return wrong;
  }
  return [];
}
