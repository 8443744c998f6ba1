/**
 * Writes the log of SCIM requests to the database in batches, so that no request waits for the log. The log shows
 * administrators what Okta sent, because Okta itself logs no bodies. A crash loses at most the last batch.
 */
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Database, LOGGER, Metrics, prepared, type Logger } from '#platform';
import type { ScimRequestEntity } from './scim-request.entity.js';

export type RequestRecord = Omit<ScimRequestEntity, 'leftOut' | 'leftOutCount' | 'repeats'> & {
  /** Ids of all members that were not stored. The log keeps their number and the first 100 ids. */
  readonly leftOut: readonly string[];
};

/** A record, and how many requests it stands for. */
interface Entry {
  readonly record: RequestRecord;
  repeats: number;
}

const FLUSH_MS = 100;
const RETRY_MAX_MS = 10_000;
const BUFFER_LIMIT = 10_000;
const LEFT_OUT_KEPT = 100;
const MINUTE_MS = 60_000;

// `on conflict` is needed because a batch is written again if its commit was not acknowledged, and because `repeats` grows.
const INSERT = prepared(
  `insert into scim_request as r select * from jsonb_populate_recordset(null::scim_request, $1)
   on conflict (id) do update set repeats = excluded.repeats where r.repeats < excluded.repeats`,
);

@Injectable()
export class RequestLog implements OnApplicationShutdown {
  private buffer = new Set<Entry>();
  /** Entries of the present minute that equal refusals share, by tenant and reason. */
  private readonly shared = new Map<string, Entry>();
  private minute = 0;
  private timer: NodeJS.Timeout | undefined;
  private stopping = false;
  /** Number of consecutive failures. Only the first failure logs a warning. */
  private failures = 0;
  private writing: Promise<void> = Promise.resolve();
  private readonly dropped;

  constructor(
    private readonly database: Database,
    metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.dropped = metrics.counter(
      'scim_request_log_dropped_total',
      'Rows of the SCIM request log that were lost, because the buffer was full while the database was down.',
    );
  }

  /**
   * Adds a request. Requests of one tenant with the same `reason` share the row of the first one for a minute. Returns the
   * number of requests that the row stands for.
   */
  add(record: RequestRecord, reason?: string): number {
    const entry = this.entryOf(record, reason);
    this.enqueue(entry);
    return entry.repeats;
  }

  private entryOf(record: RequestRecord, reason: string | undefined): Entry {
    if (reason === undefined) return { record, repeats: 1 };
    const minute = Math.floor(record.at.getTime() / MINUTE_MS);
    if (minute !== this.minute || this.shared.size >= BUFFER_LIMIT) this.shared.clear();
    this.minute = minute;
    const key = `${record.tenantId} ${reason}`;
    const known = this.shared.get(key);
    if (known) {
      known.repeats++;
      return known;
    }
    const entry = { record, repeats: 1 };
    this.shared.set(key, entry);
    return entry;
  }

  private enqueue(entry: Entry): void {
    const [oldest] = this.buffer;
    if (oldest && this.buffer.size >= BUFFER_LIMIT && !this.buffer.has(entry)) {
      this.buffer.delete(oldest);
      this.dropped.inc();
    }
    this.buffer.add(entry);
    if (this.stopping) return;
    this.timer ??= setTimeout(
      () => {
        this.timer = undefined;
        this.flush().catch(() => undefined); // `write` logs the error and starts the next timer
      },
      Math.min(FLUSH_MS * 2 ** this.failures, RETRY_MAX_MS),
    );
  }

  /** Resolves when every record that was added before the call is in the database. */
  flush(): Promise<void> {
    this.writing = this.writing.catch(() => undefined).then(() => this.write());
    return this.writing;
  }

  /** Returns true only if the log shows that the answer of success was written before the connection ended. */
  async wasDelivered(requestId: string): Promise<boolean> {
    await this.flush();
    const rows = await this.database.query('select 1 from scim_request where id = $1 and delivered and status < 300', [
      requestId,
    ]);
    return rows.length === 1;
  }

  /** Writes the remaining records. Records that cannot be written now are lost. */
  async onApplicationShutdown(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    await this.flush().catch(() => undefined);
  }

  private async write(): Promise<void> {
    const batch = this.buffer;
    if (batch.size === 0) return;
    this.buffer = new Set();
    try {
      await this.database.query(INSERT, [JSON.stringify([...batch].map(row))]);
      if (this.failures > 0)
        this.logger.info({ failures: this.failures }, 'The SCIM request log can be written to the database again.');
      this.failures = 0;
    } catch (error) {
      if (this.failures++ === 0)
        this.logger.warn(
          { err: error, code: 'request_log' },
          `Cannot write the SCIM request log to the database. Up to ${BUFFER_LIMIT} rows wait in memory until the database accepts them. Check the database.`,
        );
      const newer = this.buffer;
      this.buffer = new Set();
      for (const entry of [...batch, ...newer]) this.enqueue(entry);
      throw error;
    }
  }
}

/**
 * Shortens a client's text, and replaces control characters and surrogates, because Postgres cannot store some of them.
 */
const clean = (text: string | null, length: number): string | null =>
  text && text.slice(0, length).replace(/[\p{Control}\p{Surrogate}]/gu, '?');

/** A quoted text in an encoded filter. An escaped quotation mark does not end it. */
const QUOTED = /(%22|")(?:(?:%5c|\\)(?:%22|"|.)|(?!%22|").)*(%22|"|$)/gi;

/** Shortens the values in a filter to "…", because they are people's names and addresses. */
export function withoutFilterValues(url: string): string {
  return url.replace(/([?&]filter=)([^&]*)/gi, (_all, name: string, value: string) => {
    const hidden = value.replace(QUOTED, '$1…$2');
    return `${name}${hidden}`;
  });
}

const row = ({ record: r, repeats }: Entry) => ({
  id: r.id,
  tenant_id: r.tenantId,
  at: r.at,
  method: r.method,
  url: clean(withoutFilterValues(r.url), 500),
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
  repeats,
});
