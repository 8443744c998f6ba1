/** The record of what happened at the door: one row each, appended and never changed, without tokens. */
import type { Logger, Queryable } from '#platform';

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

/** With a `Tx` the row commits with what it tells about. */
export async function record(queryable: Queryable, entry: AuditEntry): Promise<void> {
  await queryable.query({
    name: 'audit',
    text: 'insert into audit (tenant, event, code, account_id, session_id, detail) values ($1, $2, $3, $4, $5, $6)',
    values: [
      entry.tenant ?? null,
      entry.event,
      entry.code ?? null,
      entry.accountId ?? null,
      entry.sessionId ?? null,
      JSON.stringify(entry.detail ?? {}),
    ],
  });
}

export function logEntry(logger: Logger, { event, code, tenant, accountId, sessionId, detail }: AuditEntry): void {
  logger.info({ tenant, code: code ?? event, account: accountId, session: sessionId, ...detail }, event);
}
