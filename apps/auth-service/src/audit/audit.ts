/** The audit of sign-ins, sessions and exchanges. Rows are appended and never changed. They never contain tokens. */
import type { AuditEvent } from '#contracts';
import { prepared, type Database, type Queryable } from '#platform';
import type { AccountCopy } from '../accounts/admission.js';

export interface AuditEntry {
  readonly event: AuditEvent;
  /**
   * The reason of a refusal, or the kind of a change. Each module that records events has a closed list of such codes.
   */
  readonly code?: string;
  readonly tenant?: string | undefined;
  readonly accountId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly detail?: Readonly<Record<string, unknown>>;
}

const COLUMNS = '(tenant, event, code, account_id, session_id, detail)';
const valuesOf = ({ tenant, event, code, accountId, sessionId, detail }: AuditEntry): unknown[] => [
  tenant ?? null,
  event,
  code ?? null,
  accountId ?? null,
  sessionId ?? null,
  JSON.stringify(detail ?? {}),
];

const recordSql = prepared(`insert into audit ${COLUMNS} values ($1, $2, $3, $4, $5, $6)`);

/** Writes an audit row. With a `Tx`, the row commits together with the change that it describes. */
export async function record(queryable: Queryable, entry: AuditEntry): Promise<void> {
  await queryable.query(recordSql, valuesOf(entry));
}

const recordIfUnchangedSql = prepared(`
  with locked as (
    select concat_ws(' ', id, version, access_version, (signing_out is not null)::text) as state from account
     where tenant = $1::uuid and external_id = $7 order by id for share
  )
  insert into audit ${COLUMNS} select $1::uuid, $2, $3, $4::uuid, $5::uuid, $6::jsonb
   where (select array_agg(state order by state) from locked) = (select array_agg(s order by s) from unnest($8::text[]) s)
  returning 1`);

/**
 * Locks the tenant's accounts with this Okta id in shared mode. If none of them has changed since `read`, writes the
 * row and returns true.
 */
export async function recordIfUnchanged(
  database: Database,
  entry: AuditEntry,
  externalId: string,
  read: readonly AccountCopy[],
): Promise<boolean> {
  const states = read.map((a) => `${a.id} ${a.version} ${a.accessVersion} ${a.signingOut !== null}`);
  return (await database.query(recordIfUnchangedSql, [...valuesOf(entry), externalId, states])).length > 0;
}

/** Smallest age, in days, of a row that may be deleted. A trigger of the table enforces this minimum. */
export const SHORTEST_RETENTION_DAYS = 30;
const SWEEP_BATCH = 1_000;

/**
 * Deletes at most one batch of rows older than `days`; 0 keeps rows for ever. Returns true if there may be more rows to
 * delete. `skip locked` lets replicas delete different rows at the same time.
 */
export async function sweepAudit(queryable: Queryable, days: number, batch = SWEEP_BATCH): Promise<boolean> {
  if (days === 0) return false;
  const removed = await queryable.query(
    `delete from audit where id in (
       select id from audit where at < clock_timestamp() - make_interval(days => $1)
       order by at limit $2 for update skip locked)
     returning 1`,
    [days, batch],
  );
  return removed.length === batch;
}
