/** Decides whether the person behind an Okta id may sign in. Pure functions only. */
import type { RefusalCode } from '../http/refusals.js';
import type { AccountCopyEntity } from './account-copy.entity.js';

export const ADMISSION_FIELDS = [
  'id',
  'tenant',
  'version',
  'accountStatus',
  'accessVersion',
  'accessStatus',
  'roles',
  'notBefore',
  'signingOut',
] as const satisfies readonly (keyof AccountCopyEntity)[];
export type AccountCopy = Pick<AccountCopyEntity, (typeof ADMISSION_FIELDS)[number]>;

export type Admission =
  | { readonly admitted: AccountCopy }
  | { readonly refused: Extract<RefusalCode, `account_${string}` | 'unknown_person' | 'not_provisioned'> };

/**
 * An account has access only if both statuses are `active`. They come from two topics, and an event of one topic must
 * not restore access that the other topic ended.
 */
const hasAccess = (account: AccountCopy): boolean =>
  account.accountStatus === 'active' && account.accessStatus === 'active';

/**
 * `accounts` are all accounts of the tenant with the Okta id. `expected`: the directory has an active person with this
 * id. `provenAt`: when Okta authenticated the person. If it is before the fence, the sign-in is refused, even if access
 * was restored later.
 */
export function admit(accounts: readonly AccountCopy[], expected: boolean, provenAt: Date): Admission {
  const ready = accounts.filter((account) => account.version > 0 && account.accessVersion > 0);
  const [account, ...more] = ready.filter(hasAccess);
  if (account && more.length > 0) return { refused: 'account_ambiguous' };
  if (account) {
    // The sign-out in progress would also end a session that is opened now.
    if (account.signingOut !== null) return { refused: 'account_signing_out' };
    const fenced = account.notBefore !== null && provenAt < account.notBefore;
    return fenced ? { refused: 'account_fenced' } : { admitted: account };
  }
  if (ready.length < accounts.length) return { refused: 'not_provisioned' };
  if (ready.length > 0) return { refused: 'account_inactive' };
  return { refused: expected ? 'not_provisioned' : 'unknown_person' };
}
