/** A case as everybody else sees it: the data of `offboarding.cases`. Pure. */
import type { NewEvent } from '#event-bus';
import type { EventData, OffboardingCase } from '#events';

/** Columns of `CASE_COLUMNS`. */
export interface CaseRow {
  readonly id: string;
  readonly tenant: string;
  readonly account_id: string;
  readonly user_name: string;
  readonly display_name: string | null;
  readonly state: 'new' | OffboardingCase['state'];
  readonly cause: string;
  readonly causation_id: string;
  readonly traceparent: string | null;
  readonly held_because: OffboardingCase['heldBecause'];
  readonly released_by: string | null;
  readonly pushed_at: Date;
  readonly received_at: Date;
  readonly held_at: Date | null;
  readonly released_at: Date | null;
  readonly fenced_at: Date | null;
  readonly disabled_at: Date | null;
  readonly signed_out_at: Date | null;
  readonly sessions_ended_at: Date | null;
  readonly confirmed_at: Date | null;
  readonly first_refused_at: Date | null;
  /** Version of the person's cases after this change: the sequence of the event. */
  readonly case_version: string;
}

export type CaseNews = 'opened' | 'held' | 'released' | 'discarded' | 'superseded' | 'completed';
type CaseEventType = `com.stackflow.offboarding.case.${CaseNews}.v1`;

/** `causationId`: what caused this step, if not what caused the case. */
export function caseEvent(news: CaseNews, row: CaseRow, causationId = row.causation_id): NewEvent {
  const data: EventData<CaseEventType> = { case: caseOf(row) };
  return {
    type: `com.stackflow.offboarding.case.${news}.v1`,
    tenant: row.tenant,
    subject: row.account_id,
    sequence: Number(row.case_version),
    causationId,
    traceparent: row.traceparent,
    data,
  };
}

/** `new` is not public: who is not admitted yet waits, for milliseconds, as a held one does. */
export const caseOf = (row: CaseRow): OffboardingCase => ({
  id: row.id,
  account: row.account_id,
  userName: row.user_name,
  displayName: row.display_name,
  state: row.state === 'new' ? 'held' : row.state,
  cause: row.cause,
  causationId: row.causation_id,
  heldBecause: row.held_because,
  releasedBy: row.released_by,
  timings: {
    pushedAt: row.pushed_at.toISOString(),
    receivedAt: row.received_at.toISOString(),
    heldAt: instant(row.held_at),
    releasedAt: instant(row.released_at),
    fencedAt: instant(row.fenced_at),
    disabledAt: instant(row.disabled_at),
    signedOutAt: instant(row.signed_out_at),
    sessionsEndedAt: instant(row.sessions_ended_at),
    confirmedAt: instant(row.confirmed_at),
    firstRefusedAt: instant(row.first_refused_at),
  },
});

const instant = (date: Date | null): string | null => date?.toISOString() ?? null;
