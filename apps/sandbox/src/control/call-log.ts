/** The last calls of a stand-in, for timelines and assertions in tests. It contains no bodies and no secrets. */
export interface Call {
  /** Arrival (`at`) and end (`endedAt`) of the call, in milliseconds since the epoch. */
  readonly at: number;
  readonly endedAt: number;
  readonly operation: string;
  /** Name of the user or secret, or null for a call about neither. */
  readonly subject: string | null;
  readonly group: string | null;
  /** The word `ok`, or the name, code or HTTP status of the error. */
  readonly outcome: string;
  /** True if the operation ran and its answer was dropped. */
  readonly dropped: boolean;
}

export interface CallQuery {
  readonly subject?: string | undefined;
  readonly operation?: string | undefined;
  /** Lists only calls that arrived at or after this time, in milliseconds since the epoch. */
  readonly since?: number | undefined;
}

const CAPACITY = 50_000;

export class CallLog {
  private calls: Call[] = [];

  add(call: Call): void {
    this.calls.push(call);
    if (this.calls.length >= 2 * CAPACITY) this.calls = this.calls.slice(-CAPACITY);
  }

  find(query: CallQuery, limit = 10_000): readonly Call[] {
    const { subject, operation, since = 0 } = query;
    const matches = (call: Call): boolean =>
      [undefined, call.subject].includes(subject) &&
      [undefined, call.operation].includes(operation) &&
      call.at >= since;
    return this.calls.filter(matches).slice(-Math.min(limit, CAPACITY));
  }

  summary(): Record<string, Record<string, number>> {
    const counts: Record<string, Record<string, number>> = {};
    for (const { operation, outcome } of this.calls) {
      const row = (counts[operation] ??= {});
      row[outcome] = (row[outcome] ?? 0) + 1;
    }
    return counts;
  }

  clear(): void {
    this.calls = [];
  }
}
