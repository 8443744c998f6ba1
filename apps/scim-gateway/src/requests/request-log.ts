/**
 * The log of SCIM requests in the database, off the hot path: written in batches, at most 100 ms late, from a bounded
 * buffer. It explains to administrators what Okta sent and what came of it (Okta logs no bodies), and it knows whether
 * the answer of a creating request was delivered. A crash loses at most the last batch.
 */
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Counter } from 'prom-client';
import { prepared, PLATFORM, type PlatformContext } from '#platform';

export interface RequestRecord {
  readonly id: string;
  readonly tenantId: string;
  readonly at: Date;
  readonly method: string;
  readonly url: string;
  readonly resourceType: string | null;
  readonly resourceId: string | null;
  readonly status: number;
  readonly durationMs: number;
  readonly scimType: string | null;
  readonly detail: string | null;
  readonly leftOut: readonly string[];
  readonly delivered: boolean;
  readonly userAgent: string | null;
}

const FLUSH_MS = 100;
/** The longest pause between two attempts while the database takes nothing. */
const RETRY_MAX_MS = 10_000;
const BUFFER_LIMIT = 10_000;
/** Ids kept of the members that a request left out; the count is always complete. */
const LEFT_OUT_KEPT = 100;

// No lock beyond the rows inserted. `on conflict` makes the repetition of a batch whose commit was not heard harmless.
const INSERT = prepared(`
  insert into scim_request (id, tenant_id, at, method, url, resource_type, resource_id, status, duration_ms, scim_type, detail, left_out, left_out_count, delivered, user_agent)
  select id, tenant_id, at, method, url, resource_type, resource_id, status, duration_ms, scim_type, detail, left_out, left_out_count, delivered, user_agent
  from jsonb_to_recordset($1) as r(id uuid, tenant_id uuid, at timestamptz, method text, url text, resource_type text, resource_id text, status smallint,
    duration_ms real, scim_type text, detail text, left_out jsonb, left_out_count int, delivered boolean, user_agent text)
  on conflict (id) do nothing`);

@Injectable()
export class RequestLog implements OnApplicationShutdown {
  private buffer: RequestRecord[] = [];
  private timer: NodeJS.Timeout | undefined;
  private ending = false;
  /** Attempts in a row that failed: one outage, one warning. */
  private failures = 0;
  private writing: Promise<void> = Promise.resolve();
  private readonly dropped: Counter<string>;

  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext) {
    this.dropped = platform.metrics.counter(
      'scim_request_log_dropped_total',
      'Lines of the SCIM request log that were lost because the database took none.',
    );
  }

  add(record: RequestRecord): void {
    if (this.buffer.length >= BUFFER_LIMIT) {
      this.buffer.shift();
      this.dropped.inc();
    }
    this.buffer.push(record);
    if (this.ending) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.flush().catch(() => undefined); // told by `write`, which also made a timer for the repetition
    }, this.delayMs());
  }

  /** Resolves when everything that was added before the call is in the database. */
  flush(): Promise<void> {
    this.writing = this.writing.catch(() => undefined).then(() => this.write());
    return this.writing;
  }

  /** Was the answer of this request written while the connection was open? False also for "unknown". */
  async wasDelivered(requestId: string): Promise<boolean> {
    await this.flush();
    const rows = await this.platform.database.query<{ delivered: boolean }>(
      'select delivered from scim_request where id = $1',
      [requestId],
    );
    return rows[0]?.delivered === true;
  }

  /** After the last answer was sent; what cannot be written now is lost. */
  async onApplicationShutdown(): Promise<void> {
    this.ending = true;
    clearTimeout(this.timer);
    await this.flush().catch(() => undefined);
  }

  private delayMs(): number {
    return Math.min(FLUSH_MS * 2 ** this.failures, RETRY_MAX_MS);
  }

  private async write(): Promise<void> {
    const batch = this.buffer;
    if (batch.length === 0) return;
    this.buffer = [];
    try {
      await this.platform.database.query(INSERT, [JSON.stringify(batch.map(row))]);
      if (this.failures > 0) this.platform.logger.info({ failures: this.failures }, 'the request log is written again');
      this.failures = 0;
    } catch (error) {
      if (this.failures++ === 0)
        this.platform.logger.warn({ err: error, code: 'request_log' }, 'the request log cannot be written; trying on');
      for (const record of batch.concat(this.buffer.splice(0))) this.add(record);
      throw error;
    }
  }
}

/** Postgres stores no NUL; texts that a client chose are cut. */
const clean = (text: string | null, length: number): string | null =>
  text && text.slice(0, length).replace(/[\p{Control}\p{Surrogate}]/gu, '?');

const row = (r: RequestRecord) => ({
  id: r.id,
  tenant_id: r.tenantId,
  at: r.at.toISOString(),
  method: r.method,
  url: clean(r.url, 500),
  resource_type: r.resourceType,
  resource_id: clean(r.resourceId, 100),
  status: r.status,
  duration_ms: r.durationMs,
  scim_type: r.scimType,
  detail: clean(r.detail, 1_000),
  left_out: r.leftOut.length > 0 ? r.leftOut.slice(0, LEFT_OUT_KEPT).map((id) => clean(id, 100)) : null,
  left_out_count: r.leftOut.length,
  delivered: r.delivered,
  user_agent: clean(r.userAgent, 200),
});
