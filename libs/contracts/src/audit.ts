/** auth-service's audit of one tenant: sign-ins, sessions, sign-outs and token exchanges. It never contains tokens. */
import { Instant, NestedList, OneOf, Shape, Text, Uuid, Whole } from './fields.js';

export const AUDIT_EVENTS = [
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
  'exchange_client',
  'exchange_source',
] as const;
export type AuditEvent = (typeof AUDIT_EVENTS)[number];

export class AuditQuery {
  @Uuid({ optional: true, description: 'Only entries about this account.' }) account?: string;
  @OneOf(AUDIT_EVENTS, { optional: true }) event?: AuditEvent;
  @Instant({ optional: true, description: 'Only entries at or after this instant.' }) since?: string;
  @Text({ optional: true, max: 64, description: 'The `next` of the previous page.' }) cursor?: string;
  @Whole({ optional: true, min: 1, max: 500, description: 'Entries per page; 50 by default.' }) limit?: number;
}

export class AuditEntryView {
  @Instant() at!: Date;
  @OneOf(AUDIT_EVENTS) event!: AuditEvent;
  @Text({ nullable: true, description: 'The reason of a refusal, or the kind of a change.' }) code!: string | null;
  @Uuid({ nullable: true }) account!: string | null;
  @Uuid({ nullable: true }) session!: string | null;

  @Shape({ description: 'Details of the entry; the fields depend on the event.' })
  detail!: Readonly<Record<string, unknown>>;
}

export class AuditPage {
  @NestedList(() => AuditEntryView, { description: 'Audit entries, newest first.' }) entries!: AuditEntryView[];

  @Text({ nullable: true, max: 64, description: 'Cursor of the next page. Null means that this page is the last.' })
  next!: string | null;
}
