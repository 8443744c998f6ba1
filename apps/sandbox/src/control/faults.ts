/** Injected faults. A test or a demonstration defines what a stand-in does wrong, and how often. */
import { z } from 'zod';

export const faultRule = z.object({
  /**
   * `throttle` and `error` refuse the call before the operation runs. `latency` delays the operation. `disconnect`
   * closes the connection before the operation runs. `drop` runs the operation and closes the connection, so that the
   * answer is lost.
   */
  effect: z.enum(['throttle', 'error', 'latency', 'disconnect', 'drop']),
  /**
   * The number of matching calls that the fault hits. By default, the fault hits every matching call until it is
   * removed.
   */
  times: z.int().positive().optional(),
  /** The probability that the fault hits a matching call. */
  probability: z.number().min(0).max(1).default(1),
  operation: z.string().optional(),
  username: z.string().optional(),
  /**
   * For `error`: the name of the exception. If `status` is missing, AWS's internal errors get status 500 and all other
   * exceptions 400.
   */
  error: z.string().default('InternalErrorException'),
  message: z.string().default('Injected by the sandbox'),
  status: z.int().min(400).max(599).optional(),
  /** For `latency`: milliseconds. */
  ms: z.int().min(0).max(120_000).default(0),
});
export type FaultRule = z.infer<typeof faultRule>;

export interface FaultTarget {
  readonly operation: string;
  readonly username: string | null;
}

export class Faults {
  private rules: (FaultRule & { left: number })[] = [];

  constructor(private readonly random: () => number = Math.random) {}

  add(rule: FaultRule): void {
    this.rules.push({ ...rule, left: rule.times ?? Number.POSITIVE_INFINITY });
  }

  reset(): void {
    this.rules = [];
  }

  list(): readonly FaultRule[] {
    return this.rules.map(({ left, ...rule }) => ({ ...rule, ...(Number.isFinite(left) ? { times: left } : {}) }));
  }

  /**
   * Returns the rules that hit this call, in the order of their creation. Counts the call against the `times` of each
   * of these rules.
   */
  hit(target: FaultTarget): readonly FaultRule[] {
    const hits = this.rules.filter((rule) => this.matches(rule, target));
    for (const rule of hits) rule.left -= 1;
    this.rules = this.rules.filter((rule) => rule.left > 0);
    return hits;
  }

  private matches(rule: FaultRule, target: FaultTarget): boolean {
    if (rule.operation !== undefined && rule.operation !== target.operation) return false;
    if (rule.username !== undefined && rule.username !== target.username) return false;
    return rule.probability >= 1 || this.random() < rule.probability;
  }
}
