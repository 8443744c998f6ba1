/** The events on `identity.accounts` that carry the state of an account without a change of it. Pure. */
import type { NewEvent } from '#event-bus';
import type { Account } from '#events';
import type { AccountEntity } from './account.entity.js';

/** The columns that an account event is made of. */
export const PUBLISHED_COLUMNS = [
  'id',
  'tenant',
  'userName',
  'externalId',
  'email',
  'displayName',
  'status',
  'roles',
  'version',
] as const satisfies readonly (keyof AccountEntity)[];

export type PublishedAccount = Pick<AccountEntity, (typeof PUBLISHED_COLUMNS)[number]>;

export const accountState = (account: Omit<PublishedAccount, 'tenant' | 'version'>): Account => ({
  id: account.id,
  userName: account.userName,
  externalId: account.externalId,
  email: account.email,
  displayName: account.displayName,
  status: account.status,
  roles: [...account.roles],
  primaryRole: account.roles[0] ?? null,
});

/** `account` = the row with the version that this event has. */
export const stateEvent = (
  what: 'provisioned' | 'republished',
  account: PublishedAccount,
  causationId: string,
): NewEvent => ({
  type: `com.stackflow.identity.account.${what}.v1`,
  tenant: account.tenant,
  subject: account.id,
  sequence: account.version,
  causationId,
  data: { account: accountState(account) },
});
