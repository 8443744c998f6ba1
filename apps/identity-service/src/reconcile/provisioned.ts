/** Cognito has the user for the first time: tell it, with the state of this moment. Pure. */
import type { NewEvent } from '#event-bus';
import type { Account } from '#events';

/** The row as it is under lock; it may be newer than what was just written to Cognito. */
export interface LockedAccount {
  readonly status: Account['status'];
  readonly roles: string[];
  readonly version: string;
  readonly user_name: string;
  readonly external_id: string | null;
  readonly email: string | null;
  readonly display_name: string | null;
  readonly causation_id: string;
}

export const accountState = (id: string, row: LockedAccount): Account => ({
  id,
  userName: row.user_name,
  externalId: row.external_id,
  email: row.email,
  displayName: row.display_name,
  status: row.status,
  roles: row.roles,
  primaryRole: row.roles[0] ?? null,
});

/** The caller raises the account's version by one. What became of the account meanwhile is told by its evaluation. */
export function provisionedEvent({ id, tenant }: { id: string; tenant: string }, row: LockedAccount): NewEvent {
  return {
    type: 'com.stackflow.identity.account.provisioned.v1',
    tenant,
    subject: id,
    sequence: Number(row.version) + 1,
    causationId: row.causation_id,
    data: { account: accountState(id, row) },
  };
}
