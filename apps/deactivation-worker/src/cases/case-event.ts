import type { CaseTimings } from '#contracts';
import type { NewEvent } from '#event-bus';
import type { EventData, OffboardingCase } from '#events';
import type { PersonEntity } from '../access/person.entity.js';
import type { CaseEntity } from './case.entity.js';

export type CaseRow = CaseEntity & Pick<PersonEntity, 'userName' | 'displayName' | 'caseVersion'>;

export type CaseChange = 'opened' | 'held' | 'released' | 'discarded' | 'superseded' | 'completed';
type CaseEventType = `com.stackflow.offboarding.case.${CaseChange}.v1`;

/** `causationId` is the cause of this change, if it differs from the cause of the case. */
export function caseEvent(change: CaseChange, row: CaseRow, causationId = row.causationId): NewEvent {
  const data: EventData<CaseEventType> = { case: caseData(row) };
  return {
    type: `com.stackflow.offboarding.case.${change}.v1`,
    tenant: row.tenant,
    subject: row.accountId,
    sequence: row.caseVersion,
    causationId,
    traceparent: row.traceparent,
    data,
  };
}

/** The state `new` is internal. Until admission, which takes milliseconds, such a case is published as `held`. */
export const caseData = (row: CaseRow): OffboardingCase & { readonly timings: CaseTimings } => ({
  id: row.id,
  account: row.accountId,
  userName: row.userName,
  displayName: row.displayName,
  state: row.state === 'new' ? 'held' : row.state,
  cause: row.cause,
  causationId: row.causationId,
  heldBecause: row.heldBecause,
  heldUntil: row.state === 'held' ? instant(row.heldUntil) : null,
  releasedBy: row.releasedBy,
  timings: {
    pushedAt: row.pushedAt.toISOString(),
    receivedAt: row.receivedAt.toISOString(),
    heldAt: instant(row.heldAt),
    heldSignedOutAt: instant(row.heldSignedOutAt),
    heldSessionsEndedAt: instant(row.heldSessionsEndedAt),
    releasedAt: instant(row.releasedAt),
    fencedAt: instant(row.fencedAt),
    disabledAt: instant(row.disabledAt),
    signedOutAt: instant(row.signedOutAt),
    sessionsEndedAt: instant(row.sessionsEndedAt),
    confirmedAt: instant(row.confirmedAt),
    firstRefusedAt: instant(row.firstRefusedAt),
  },
});

const instant = (date: Date | null): string | null => date?.toISOString() ?? null;
