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
  /** Whether to print the duration of each step instead of its timeline. */
  readonly brief: boolean;
}

export interface Result {
  readonly test: string;
  readonly wrong: readonly string[];
}

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
export async function inOrder(tools: Tools, scimId: string, steps: readonly Step[]): Promise<string[]> {
  for (const { says, expected, work } of steps) {
    tools.print(`  ${says}`);
    const wrong = await check(tools, await work(), scimId, expected);
    if (wrong.length > 0) return wrong;
  }
  return [];
}

/** Waits for the expected state in Cognito, then shows the timeline, even if the expected state was not reached. */
export async function check(tools: Tools, work: OktaWork, scimId: string, expected: Expectation): Promise<string[]> {
  const { pool, records, brake } = tools;
  if (work.deliveries.length === 0 && work.exchanges.every((e) => e.method === 'GET'))
    return ['Okta sent no request that changes anything.'];
  const wrong = await pool.reach(scimId, expected, () => brake.release(scimId));
  const offboarded = expected.enabled || wrong.length > 0 ? [] : await records.offboarding(work, scimId);
  show(tools, [...(await records.of(work, scimId)), ...offboarded], zeroOf(work));
  return wrong;
}

export function show({ brief, print }: Tools, moments: readonly Moment[], zero: number): void {
  if (!brief) printTimeline(moments, zero, print);
  else print(`    Done after ${Math.round(Math.max(...moments.map(({ at }) => at)) - zero)} ms.`);
}

export async function result(tools: Tools, test: string, run: () => Promise<string[]>): Promise<Result> {
  tools.print(test);
  const wrong = await run().catch((error: unknown) => {
    if (isProblem(error)) return [error.message];
    throw error;
  });
  tools.print(wrong.length === 0 ? '  PASS\n' : `  FAIL  ${wrong.join('; ')}\n`);
  return { test, wrong };
}
