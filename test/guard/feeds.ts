/** Feeds for tests: one that the test drives, and a writer for the real one on Postgres. */
import { eventSource } from '#events';
import type { AccessFeed, AccessRecord, AccessSink } from '#access-guard';
import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';

/** A feed whose records come from the test. Complete from the start, unless the test says otherwise. */
export class ManualFeed implements AccessFeed {
  sink: AccessSink | undefined;
  complete: number | undefined;

  constructor(private readonly clock: () => number = () => performance.now()) {
    this.complete = clock();
  }

  start(sink: AccessSink): void {
    this.sink = sink;
  }

  change(accountId: string, tenantId: string, version: number, change: Partial<AccessRecord> = {}): void {
    this.sink?.changed({
      accountId,
      tenantId,
      version,
      status: 'active',
      roles: ['itsm_agent'],
      notBefore: null,
      ...change,
    });
  }

  /** Marks the view as complete now. */
  markComplete(): void {
    this.complete = this.clock();
  }

  completeAt(): number | undefined {
    return this.complete;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export interface AccessWrite {
  readonly tenantId: string;
  readonly accountId: string;
  readonly sequence: number;
  readonly data: unknown;
  /** The publishing service; deactivation-worker if left out. */
  readonly service?: string;
}

/** Appends to `bus.event_log` as the sequencer does: one lock around positions and commit, one NOTIFY per batch. */
export async function appendAccess(client: Client, writes: readonly AccessWrite[]): Promise<void> {
  await client.query('begin');
  await client.query(`select pg_advisory_xact_lock(hashtextextended('bus.event_log', 0))`);
  await client.query(
    `with logged as (
       insert into bus.event_log (partition, topic, key, event_id, type, source, subject, tenant, sequence, time, causation_id, data)
       select abs(hashtextextended(e.key, 0) % 12), 'identity.access', e.key, uuidv7(), 'com.stackflow.identity.access.changed.v1',
         e.source, e.subject, e.tenant, e.sequence, clock_timestamp(), $6, e.data
       from unnest($1::text[], $2::text[], $3::uuid[], $4::bigint[], $5::jsonb[], $7::text[])
         with ordinality as e(key, subject, tenant, sequence, data, source, n)
       order by e.n
       returning partition
     )
     select pg_notify('bus', 'identity.access:' || (select string_agg(distinct partition::text, ',') from logged))`,
    [
      writes.map((w) => `${w.tenantId}:${w.accountId}`),
      writes.map((w) => w.accountId),
      writes.map((w) => w.tenantId),
      writes.map((w) => w.sequence),
      writes.map((w) => JSON.stringify(w.data)),
      randomUUID(),
      writes.map((w) => eventSource(w.service ?? 'deactivation-worker')),
    ],
  );
  await client.query('commit');
}

export const accessData = (
  accountId: string,
  change: Partial<{ status: string; roles: string[]; notBefore: string | null }> = {},
) => ({
  account: accountId,
  status: 'active',
  roles: ['itsm_agent'],
  notBefore: null,
  ...change,
});
