import type { Brake } from './brake.js';
import type { Okta, OktaWork } from './okta.js';
import { isProblem } from './stack.js';
import { printTimeline, zeroOf, type Moment, type Records } from './timeline.js';
import type { Expectation, UserPoolReader } from './user-pool.js';

export interface Tools {
  readonly okta: Okta;
  readonly pool: UserPoolReader;
  readonly records: Records;
  readonly brake: Brake;
  readonly tenantId: string;
  readonly print: (line: string) => void;
}

export interface Result {
  readonly test: string;
  readonly wrong: readonly string[];
  /** Duration of the slowest step in milliseconds, from Okta's first change to the last effect. */
  readonly slowest: number;
}

/** Prints what happened in a step. `zero` is the time of Okta's first change. */
export type Show = (moments: readonly Moment[], zero: number) => void;

/** A new person for this run. */
export interface Person {
  readonly login: string;
  readonly firstName: string;
  readonly lastName: string;
}

export interface Step {
  readonly says: string;
  readonly expected: Expectation;
  /** Does what an administrator of Okta does in this step. */
  readonly work: () => Promise<OktaWork>;
}

/** Runs the steps in order. Stops after a step that does not lead to the expected state in Cognito. */
export async function inOrder(tools: Tools, show: Show, scimId: string, steps: readonly Step[]): Promise<string[]> {
  for (const { says, expected, work } of steps) {
    tools.print(`  ${says}`);
    const wrong = await check(tools, show, await work(), scimId, expected);
    if (wrong.length > 0) return wrong;
  }
  return [];
}

/** Waits for the expected state in Cognito, then shows the timeline, even if the expected state was not reached. */
export async function check(
  { pool, records, brake }: Tools,
  show: Show,
  work: OktaWork,
  scimId: string,
  expected: Expectation,
): Promise<string[]> {
  if (work.deliveries.length === 0 && work.exchanges.every((e) => e.method === 'GET'))
    return ['Okta sent no request that changes anything.'];
  const wrong = await pool.reach(scimId, expected, () => brake.release(scimId));
  const offboarded = expected.enabled || wrong.length > 0 ? [] : await records.offboarding(work, scimId);
  show([...(await records.of(work, scimId)), ...offboarded], zeroOf(work));
  return wrong;
}

export async function result(tools: Tools, test: string, run: (show: Show) => Promise<string[]>): Promise<Result> {
  tools.print(test);
  let slowest = 0;
  const show: Show = (moments, zero) => {
    printTimeline(moments, zero, tools.print);
    slowest = Math.max(slowest, Math.round(Math.max(...moments.map(({ at }) => at)) - zero));
  };
  const wrong = await run(show).catch((error: unknown) => {
    if (isProblem(error)) return [error.message];
    throw error;
  });
  tools.print(wrong.length === 0 ? '  PASS\n' : `  FAIL  ${wrong.join('; ')}\n`);
  return { test, wrong, slowest };
}
