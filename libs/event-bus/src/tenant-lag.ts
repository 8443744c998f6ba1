/** Which tenants wait, for metrics: a bounded number of series, however many tenants there are. */

export interface TenantAge {
  readonly tenant: string;
  /** Age of the oldest event that waits. */
  readonly seconds: number;
}

/** Tenants whose oldest event is younger do not count as waiting. */
const WAITING_SECONDS = 1;
const SERIES = 20;

export interface WaitingTenants {
  /** Number of all waiting tenants. */
  readonly count: number;
  /** The tenants that wait longest, each once. */
  readonly longest: readonly TenantAge[];
}

export function waitingTenants(ages: readonly TenantAge[]): WaitingTenants {
  const oldest = new Map<string, number>();
  for (const { tenant, seconds } of ages)
    if (seconds >= WAITING_SECONDS) oldest.set(tenant, Math.max(seconds, oldest.get(tenant) ?? 0));
  const longest = [...oldest].map(([tenant, seconds]) => ({ tenant, seconds })).sort((a, b) => b.seconds - a.seconds);
  return { count: oldest.size, longest: longest.slice(0, SERIES) };
}
