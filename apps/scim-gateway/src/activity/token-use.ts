/** Stores when a tenant's SCIM token was last used, at most once a minute. */
import { Injectable } from '@nestjs/common';
import { Database } from '#platform';

const INTERVAL_MS = 60_000;

@Injectable()
export class TokenUse {
  private readonly written = new Map<string, number>();

  constructor(private readonly database: Database) {}

  /** Stores the use of a token. Returns at once, because the write must neither delay a request nor make it fail. */
  seen(tenantId: string): void {
    const now = Date.now();
    if (now - (this.written.get(tenantId) ?? 0) < INTERVAL_MS) return;
    this.written.set(tenantId, now);
    // `greatest` is needed because replicas may write out of order.
    this.database
      .query(
        `insert into scim_token_use as t (tenant_id, last_used_at) values ($1, $2)
         on conflict (tenant_id) do update set last_used_at = greatest(t.last_used_at, excluded.last_used_at)`,
        [tenantId, new Date(now)],
      )
      .catch(() => this.written.delete(tenantId));
  }
}
