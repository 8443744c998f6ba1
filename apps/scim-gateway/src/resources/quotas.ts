/**
 * Limits how much one tenant may store. A counter row per tenant would make its writers wait for each other, so each
 * process counts the rows now and then, and adds what it has stored since.
 */
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, Database, Metrics, type Queryable } from '#platform';
import { ScimError } from '#scim';
import { TenantSettingsCache } from '#settings';
import type { GatewayConfig } from '../config.js';

export type QuotaKind = 'users' | 'groups' | 'memberships';

const COUNT: Readonly<Record<QuotaKind, string>> = {
  users: 'select count(*)::int as total from users where tenant_id = $1 and deleted_at is null',
  groups: 'select count(*)::int as total from groups where tenant_id = $1',
  memberships: 'select count(*)::int as total from members where tenant_id = $1',
};

interface Count {
  readonly total: number;
  /** Rows that this process has added since. */
  added: number;
  readonly at: number;
}

/** A tenant is refused only after a count of this age or less. */
const RECENT_MS = 5_000;
/** Counts are repeated at most this often while a tenant grows. */
const GROWING_MS = 1_000;
const NEARLY_FULL_MS = 60_000;
const USUAL_MS = 15 * 60_000;
/** Other processes add too. With up to this many of them, they do not exceed the quota together. */
const PROCESSES = 8;
/** Part of a quota from which the metric shows it. */
const SHOWN_FROM = 0.5;

/** True if the count is too old to admit `more`, or to refuse it. */
export function isOutdated({ total, added, at }: Count, more: number, limit: number, now: number): boolean {
  const age = now - at;
  const room = limit - total;
  if (added + more > room) return age > RECENT_MS;
  if (added + more > room / PROCESSES) return age > GROWING_MS;
  return age > (room < limit / 10 ? NEARLY_FULL_MS : USUAL_MS);
}

@Injectable()
export class Quotas {
  private readonly counts = new Map<string, Count>();
  private readonly defaults: Readonly<Record<QuotaKind, number>>;
  /** Quotas of single tenants, by slug and kind. */
  private readonly own: ReadonlyMap<string, number>;
  private readonly used;

  constructor(
    @Inject(CONFIG) config: GatewayConfig,
    private readonly database: Database,
    private readonly tenants: TenantSettingsCache,
    metrics: Metrics,
  ) {
    this.defaults = {
      users: config.SCIM_QUOTA_USERS,
      groups: config.SCIM_QUOTA_GROUPS,
      memberships: config.SCIM_QUOTA_MEMBERSHIPS,
    };
    this.own = new Map(
      config.SCIM_QUOTA_OF_TENANTS.map((entry) => entry.split('=')).map(([k = '', n]) => [k, Number(n)]),
    );
    this.used = metrics.gauge(
      'scim_quota_used_ratio',
      'Part of a quota that a tenant uses, at the last count. Only tenants that use at least half of it are shown.',
      ['tenant', 'kind'],
    );
  }

  /** Admits `more` before they are stored. Throws `tooMany` if the tenant would exceed its quota. */
  admit(tenantId: string, kind: QuotaKind, more: number): Promise<void> {
    return this.check(this.database, tenantId, kind, more, 0);
  }

  /** Admits `more` that this transaction has stored. If it throws, the transaction must roll back. */
  admitStored(tx: Queryable, tenantId: string, kind: QuotaKind, more: number): Promise<void> {
    return more > 0 ? this.check(tx, tenantId, kind, more, more) : Promise.resolve();
  }

  private async check(queryable: Queryable, tenantId: string, kind: QuotaKind, more: number, stored: number) {
    const limit = await this.limitOf(tenantId, kind);
    const key = `${tenantId} ${kind}`;
    let count = this.counts.get(key);
    if (!count || isOutdated(count, more, limit, performance.now())) {
      const [row] = await queryable.query<{ total: number }>(COUNT[kind], [tenantId]);
      count = { total: (row?.total ?? 0) - stored, added: 0, at: performance.now() };
      this.counts.set(key, count);
      this.show(tenantId, kind, count.total / limit);
    }
    if (count.total + count.added + more > limit) throw exceeded(kind, limit, count.total + count.added, more);
    count.added += more;
  }

  private async limitOf(tenantId: string, kind: QuotaKind): Promise<number> {
    const slug = this.own.size > 0 ? (await this.tenants.get(tenantId))?.slug : undefined;
    return this.own.get(`${slug ?? ''}:${kind}`) ?? this.defaults[kind];
  }

  private show(tenant: string, kind: QuotaKind, ratio: number): void {
    if (ratio >= SHOWN_FROM) this.used.set({ tenant, kind }, ratio);
    else this.used.remove({ tenant, kind });
  }
}

const exceeded = (kind: QuotaKind, limit: number, has: number, more: number) =>
  ScimError.of(
    'tooMany',
    `This StackFlow instance may have ${limit.toLocaleString('en')} ${kind}. It has ${has.toLocaleString('en')}, and the request adds ${more.toLocaleString('en')}. Nothing was changed. Push fewer, or ask StackFlow to raise the quota.`,
  );
