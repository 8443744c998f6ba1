/** The record of what happened at the door: one row each, appended and never changed, without tokens. */
import { prepared, type Database, type Logger, type Queryable } from '#platform';
import type { AccountCopy } from './accounts/admission.js';

export const auditEvents = [
  'login',
  'login_refused',
  'session_refreshed',
  'session_reused',
  'session_ended',
  'logout',
  'request_refused',
  'exchange',
  'exchange_refused',
  'universal_logout',
  'universal_logout_refused',
  'universal_logout_done',
  'obo_client',
  'obo_source',
] as const;
export type AuditEvent = (typeof auditEvents)[number];

export interface AuditEntry {
  readonly event: AuditEvent;
  /** Why, from the closed list of the event's own module. */
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

/** With a `Tx` the row commits with what it tells about. */
export async function record(queryable: Queryable, entry: AuditEntry): Promise<void> {
  await queryable.query(recordSql, valuesOf(entry));
}

const recordIfUnchangedSql = prepared(`
  with held as (
    select concat_ws(' ', id, version, access_version, (signing_out is not null)::text) as state from account
     where tenant = $1::uuid and external_id = $7 order by id for share
  )
  insert into audit ${COLUMNS} select $1::uuid, $2, $3, $4::uuid, $5::uuid, $6::jsonb
   where (select array_agg(state order by state) from held) = (select array_agg(s order by s) from unnest($8::text[]) s)
  returning 1`);

/**
 * Writes the row if the tenant's accounts with this Okta id are still as they were `seen`; otherwise nothing, and false.
 * One statement, which holds their locks until it has committed, as `lockAccount` does.
 */
export async function recordIfUnchanged(
  database: Database,
  entry: AuditEntry,
  externalId: string,
  seen: readonly Pick<AccountCopy, 'id' | 'version' | 'accessVersion' | 'signingOut'>[],
): Promise<boolean> {
  const states = seen.map((a) => `${a.id} ${a.version} ${a.accessVersion} ${a.signingOut}`);
  return (await database.query(recordIfUnchangedSql, [...valuesOf(entry), externalId, states])).length > 0;
}

/** Younger rows cannot be removed: a trigger of the table sees to it. */
export const SHORTEST_RETENTION_DAYS = 30;
const SWEEP_BATCH = 1_000;

/**
 * Removes what is older than `days` (0 = keep all), oldest first, at most a batch; true = there may be more. `skip locked`:
 * replicas that sweep at the same time share the work.
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

export function logEntry(logger: Logger, { event, code, tenant, accountId, sessionId, detail }: AuditEntry): void {
  logger.info({ tenant, code: code ?? event, account: accountId, session: sessionId, ...detail }, event);
}
