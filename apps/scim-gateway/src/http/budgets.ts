/**
 * Limits what one tenant may ask of one process, so that no tenant delays another. A request beyond a budget is answered
 * 429; Okta and Entra ID repeat it after `Retry-After`.
 */
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, Metrics, RateLimit } from '#platform';
import { LIMITS, ScimError } from '#scim';
import type { GatewayConfig } from '../config.js';
import type { Budget, ScimContext } from './context.js';
import { FairSlots } from './fair-slots.js';

const MIB = 1024 * 1024;
/** Connections that stay free for the sequencer, the settings and the request log, whatever tenants send. */
const RESERVED_CONNECTIONS = 2;

@Injectable()
export class Budgets {
  /** Requests that are being worked on. Others wait, because each of them needs a connection to the database. */
  readonly slots: FairSlots;
  private readonly requests: RateLimit;
  private readonly bytes: RateLimit;
  private readonly memberships: RateLimit;
  private readonly open = new Map<string, number>();
  private readonly throttled;

  constructor(
    @Inject(CONFIG) private readonly config: GatewayConfig,
    metrics: Metrics,
  ) {
    const bytes = config.SCIM_BODY_MIB_PER_MINUTE * MIB;
    const memberships = config.SCIM_MEMBERSHIP_CHANGES_PER_MINUTE;
    this.requests = new RateLimit(config.SCIM_RATE_LIMIT_PER_SECOND, config.SCIM_RATE_LIMIT_BURST);
    this.bytes = new RateLimit(bytes / 60, bytes);
    this.memberships = new RateLimit(memberships / 60, memberships);
    this.slots = new FairSlots(
      Math.max(1, config.DATABASE_POOL_SIZE - RESERVED_CONNECTIONS),
      config.SCIM_CONCURRENT_REQUESTS_PER_TENANT,
    );
    this.throttled = metrics.counter(
      'scim_throttled_total',
      'SCIM requests that were answered 429, because their tenant had used up a budget.',
      ['tenant', 'budget'],
    );
  }

  /**
   * Admits a request before its body is read. Throws a 429 if a budget is used up. `bodyBytes` is undefined if the client
   * does not announce the length; the bytes are then counted as they arrive.
   */
  admit(scim: ScimContext, bodyBytes: number | undefined): void {
    const { tenantId } = scim;
    const { SCIM_OPEN_REQUESTS_PER_TENANT: mostOpen, SCIM_RATE_LIMIT_PER_SECOND: perSecond } = this.config;
    const open = this.open.get(tenantId) ?? 0;
    if (open >= mostOpen)
      throw this.refusal(scim, 'open_requests', 1, `${mostOpen} requests at the same time`, 'Send fewer at once.');
    this.take(scim, 'requests', this.requests, 1, `${perSecond} requests per second`);
    const cost = Math.min(bodyBytes ?? 0, LIMITS.groupBody.bytes);
    if (bodyBytes !== 0)
      this.take(scim, 'body_bytes', this.bytes, cost, `${this.config.SCIM_BODY_MIB_PER_MINUTE} MiB per minute`);
    this.open.set(tenantId, open + 1);
    scim.admitted = true;
  }

  /** Ends a request that was admitted. */
  leave({ tenantId }: ScimContext): void {
    const open = (this.open.get(tenantId) ?? 0) - 1;
    if (open > 0) this.open.set(tenantId, open);
    else this.open.delete(tenantId);
  }

  /** Counts bytes of a body whose length was not announced. */
  received({ tenantId }: ScimContext, bytes: number): void {
    this.bytes.spend(tenantId, bytes);
  }

  /** Admits a change of memberships. Its cost is known only when it is done, and {@link changedMemberships} counts it. */
  admitMembershipChange(scim: ScimContext): void {
    const { SCIM_MEMBERSHIP_CHANGES_PER_MINUTE: figure } = this.config;
    this.take(scim, 'membership_changes', this.memberships, 0, `${figure} changes of memberships per minute`);
  }

  /** Counts what really changed, because Okta repeats whole lists of members of which a few are new. */
  changedMemberships({ tenantId }: ScimContext, changes: number): void {
    this.memberships.spend(tenantId, changes);
  }

  private take(scim: ScimContext, budget: Budget, limit: RateLimit, cost: number, figure: string): void {
    const wait = limit.take(scim.tenantId, cost);
    if (wait > 0) throw this.refusal(scim, budget, wait, figure, 'Send less at once, or ask StackFlow for more.');
  }

  private refusal(scim: ScimContext, budget: Budget, seconds: number, figure: string, advice: string): ScimError {
    scim.throttledBy = budget;
    this.throttled.inc({ tenant: scim.tenantId, budget });
    return new ScimError(
      429,
      `This StackFlow instance has used up its budget "${budget}": ${figure}. Repeat the request in ${seconds} s. ${advice}`,
      { retryAfterSeconds: seconds },
    );
  }
}
