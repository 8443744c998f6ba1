/** Moves events from an outbox to a carrier. Each carrier has one implementation. */
import type { Client } from 'pg';
import { identifier } from '../schema.sql.js';

export const PUBLISH_BATCH = 500;
/** Number of index entries that the choice of a batch reads at most, apart from one event of each waiting tenant. */
const CANDIDATES = 2_000;

/**
 * Selects the rows of the next batch: urgent events first, and within each lane the tenants in turn. A tenant's events keep the
 * order of their ids, so the order per key is preserved, because a key names its tenant. `at` is the row's address:
 * access by address needs no plan that depends on statistics.
 *
 * The recursive query finds the waiting tenants with one index probe each, so the cost does not depend on the number of
 * events that a tenant has stored.
 */
export const batchSql = (schema: string): string => `
  with recursive waiting as (
    (select lane, tenant from ${identifier(schema)}.outbox order by lane, tenant limit 1)
    union all
    (select n.lane, n.tenant from waiting w cross join lateral (
      select o.lane, o.tenant from ${schema}.outbox o where (o.lane, o.tenant) > (w.lane, w.tenant)
      order by o.lane, o.tenant limit 1) n)
  )
  select t.at from waiting w cross join lateral (
    select e.*, row_number() over (order by e.id) as turn from (
      select o.ctid as at, o.lane, o.id from ${schema}.outbox o where o.lane = w.lane and o.tenant = w.tenant
      order by o.lane, o.tenant, o.id limit (select greatest(1, ${CANDIDATES} / count(*)) from waiting)) e) t
  order by t.lane, t.turn, t.id limit ${PUBLISH_BATCH}`;

/**
 * Settings of the leader's session. Postgres plans its statements once, perhaps while the outbox is empty. Without
 * these settings it might then read the whole outbox for each batch.
 */
export const LEADER_SETTINGS =
  'set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off';

export interface Publisher {
  /** Called once when this process becomes leader, before it moves the first events to the carrier. */
  prepare(session: Client): Promise<void>;
  /**
   * Moves one batch, in the order of {@link batchSql}, and resolves with the number of moved events. `session` holds
   * the leader's lock. Deletes from the outbox run on it, so that a former leader deletes nothing. Rejects with
   * {@link CarrierUnavailable} if the carrier does not accept the events. Any other error ends the leadership.
   */
  move(session: Client): Promise<number>;
  close(): Promise<void>;
}

/** The carrier does not accept events. They stay in the outbox, and the leader tries again on the same session. */
export class CarrierUnavailable extends Error {
  constructor(cause: unknown) {
    super('the carrier does not accept events', { cause });
    this.name = 'CarrierUnavailable';
  }
}
