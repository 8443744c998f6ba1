/** Builds the events on `identity.accounts` that contain an account's state, but no change. */
import type { NewEvent } from '#event-bus';
import type { Account } from '#events';
import type { AccountEntity } from './account.entity.js';

/** The columns of an account that its events contain. */
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

/** The version of `account` becomes the event's sequence. */
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
