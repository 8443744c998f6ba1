/** Tenants whose Okta is left alone for a while, in this process. */
import { waitSeconds } from './patience.js';

export class TenantPauses {
  private readonly pauses = new Map<string, { until: number; failures: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  has(tenant: string): boolean {
    return this.now() < (this.pauses.get(tenant)?.until ?? -Infinity);
  }

  tenants(): string[] {
    return [...this.pauses.keys()].filter((tenant) => this.has(tenant));
  }

  /** The seconds of the pause. Questions that were under way together fail together: that is one failure. */
  begin(tenant: string, error: unknown): number {
    const before = this.pauses.get(tenant);
    if (before && this.has(tenant)) return (before.until - this.now()) / 1_000;
    const failures = before?.failures ?? 0;
    const seconds = waitSeconds(error, failures);
    this.pauses.set(tenant, { until: this.now() + seconds * 1_000, failures: failures + 1 });
    return seconds;
  }

  end(tenant: string): void {
    this.pauses.delete(tenant);
  }
}
