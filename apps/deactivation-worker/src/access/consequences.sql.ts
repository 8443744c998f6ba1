import type { NewEvent, Outbox } from '#event-bus';
import { prepared, type Prepared, type Tx } from '#platform';
import type { Consequences } from './access.js';

const applySql = `
  update person
     set desired_access = coalesce($2, desired_access), revision = revision + $3::int, sign_out_due = sign_out_due or $4,
         due_at = case when $3 = 1 then clock_timestamp() else due_at end, attempts = case when $3 = 1 then 0 else attempts end,
         last_error = case when $3 = 1 then null else last_error end, last_error_class = case when $3 = 1 then null else last_error_class end,
         access_version = access_version + case when $5::text is null then 0 else 1 end,
         published_status = coalesce($5, published_status), published_roles = coalesce($6, published_roles),
         traceparent = $7, causation_id = $8, updated_at = clock_timestamp()
   where id = $1 returning 1`;

/**
 * Writes the consequences of an evaluation for one person. The caller has locked the person's row. One statement writes
 * the row and the events, because an import changes thousands of people.
 */
export class ConsequencesWriter {
  private readonly sql: Prepared;

  constructor(private readonly outbox: Outbox) {
    this.sql = prepared(`with applied as (${applySql}) ${outbox.insertSql(9, 'applied')}`);
  }

  async write(
    tx: Tx,
    id: string,
    { desiredAccess, work, signOut, publish }: Consequences,
    cause: { readonly causationId: string; readonly traceparent: string | null },
    events: readonly NewEvent[],
  ): Promise<void> {
    const { causationId, traceparent } = cause;
    const published = [publish?.status ?? null, publish?.roles ?? null];
    const parameters = [id, desiredAccess, work ? 1 : 0, signOut, ...published, traceparent, causationId];
    await this.outbox.expedite(tx, events);
    await tx.query(this.sql, [...parameters, ...this.outbox.parameters(events)]);
    if (events.length > 0) tx.afterCommit(() => this.outbox.stored());
  }
}

/**
 * Returns whether the tenant deactivates people on offboarding; true if it has no stored settings. Locks the tenant's
 * settings in shared mode until commit. A change of the settings waits for this lock, so it sees every decision that
 * used the old settings, and finds all affected people.
 */
export async function deactivatesOnOffboard(tx: Tx, tenant: string): Promise<boolean> {
  const [row] = await tx.query<{ deactivates: boolean }>(
    `select (settings ->> 'deactivateOnOffboard')::boolean as deactivates from tenant_settings where tenant_id = $1 for share`,
    [tenant],
  );
  return row?.deactivates ?? true;
}
