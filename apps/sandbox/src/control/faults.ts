/** Injected faults: what a stand-in does wrong on request, and how often. */
import { z } from 'zod';

export const faultRule = z.object({
  /**
   * `throttle` and `error` refuse the call, `latency` delays it, and `disconnect` closes the connection instead. `drop`
   * runs the operation and then closes the connection, so that the answer is lost.
   */
  effect: z.enum(['throttle', 'error', 'latency', 'disconnect', 'drop']),
  /** How many matching calls the fault hits. By default it hits all of them until it is removed. */
  times: z.int().positive().optional(),
  probability: z.number().min(0).max(1).default(1),
  operation: z.string().optional(),
  username: z.string().optional(),
  /**
   * For the effect `error`: the name of the exception. Without `status`, AWS's internal errors get 500 and all others
   * 400.
   */
  error: z.string().default('InternalErrorException'),
  message: z.string().default('Injected by the sandbox'),
  status: z.int().min(400).max(599).optional(),
  /** For the effect `latency`: the delay in milliseconds. */
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

  /** Returns the rules that apply to this call, and counts the call in each of them. */
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
