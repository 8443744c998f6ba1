/** Shares the time of a consumer group between tenants. */
import type { Delivery } from '../record.js';

/** Time of handlers that a tenant may use at once, in milliseconds, and the part of each second that it gets back. */
const BURST_MS = 200;
const PART = 0.2;
/** Limit on what a tenant can owe, so that one call that hangs for minutes has no effect for hours. */
const DEBT_LIMIT_MS = 10_000;

export class TenantShares {
  /** Used time of each tenant at an instant of the clock. */
  private readonly used = new Map<string, { readonly ms: number; readonly at: number }>();

  constructor(private readonly clock: () => number = () => performance.now()) {}

  /** Runs a handler and counts its time, even if it fails. */
  async measure<T>(tenant: string, handle: () => Promise<T>): Promise<T> {
    const start = this.clock();
    try {
      return await handle();
    } finally {
      const now = this.clock();
      this.used.set(tenant, { ms: Math.min(DEBT_LIMIT_MS, this.usedBy(tenant, now) + now - start), at: now });
    }
  }

  isUsedUp(tenant: string): boolean {
    return this.usedBy(tenant, this.clock()) > BURST_MS;
  }

  private usedBy(tenant: string, now: number): number {
    const { ms, at } = this.used.get(tenant) ?? { ms: 0, at: now };
    return Math.max(0, ms - (now - at) * PART);
  }
}

/** Orders deliveries by turns of their tenants. The order within a tenant, and therefore within a key, is preserved. */
export function inTurn<D extends Pick<Delivery, 'event'>>(deliveries: readonly D[]): D[] {
  const queues = new Map<string, D[]>();
  for (const delivery of deliveries) {
    const tenant = delivery.event?.tenant ?? '';
    const queue = queues.get(tenant);
    if (queue) queue.push(delivery);
    else queues.set(tenant, [delivery]);
  }
  if (queues.size <= 1) return [...deliveries];
  const turns: D[] = [];
  for (let turn = 0; turns.length < deliveries.length; turn++)
    for (const queue of queues.values()) {
      const delivery = queue[turn];
      if (delivery) turns.push(delivery);
    }
  return turns;
}
