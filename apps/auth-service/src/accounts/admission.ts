/** Who may come in, of those whose Okta id somebody has proven. Pure. */
import type { RefusalCode } from '../http/refusals.js';

/** What the service knows of an account. */
export interface AccountCopy {
  readonly id: string;
  readonly tenant: string;
  /** 0 = Cognito does not have it yet. */
  readonly version: number;
  readonly userName: string | null;
  readonly email: string | null;
  readonly displayName: string | null;
  readonly accountStatus: string | null;
  /** 0 = nothing is known of its access. */
  readonly accessVersion: number;
  readonly accessStatus: string | null;
  readonly roles: readonly string[];
  readonly notBefore: Date | null;
  /** Okta has logged her out everywhere, and that is not done yet. */
  readonly signingOut: boolean;
}

export type Admission =
  | { readonly admitted: AccountCopy }
  | { readonly refused: Extract<RefusalCode, `account_${string}` | 'unknown_person' | 'not_provisioned'> };

/** Both owners must say so: what one has taken away, the other's older word does not give back (P3). */
export const hasAccess = (account: AccountCopy): boolean =>
  account.accountStatus === 'active' && account.accessStatus === 'active';

/**
 * `accounts`: all of the tenant with the Okta id; `expected`: the directory has an active person with it. `provenAt`: when
 * Okta said who it is; what was said before access was taken away counts no more, also after it was given back.
 */
export function admit(accounts: readonly AccountCopy[], expected: boolean, provenAt: Date): Admission {
  const waiting = expected || accounts.length > 0;
  const ready = accounts.filter((account) => account.version > 0 && account.accessVersion > 0);
  const [account, ...more] = ready.filter(hasAccess);
  if (account && more.length > 0) return { refused: 'account_ambiguous' };
  if (account) {
    // What she would be given now would be signed out with the rest.
    if (account.signingOut) return { refused: 'account_signing_out' };
    const fenced = account.notBefore !== null && provenAt < account.notBefore;
    return fenced ? { refused: 'account_fenced' } : { admitted: account };
  }
  if (ready.length < accounts.length) return { refused: 'not_provisioned' };
  if (ready.length > 0) return { refused: 'account_inactive' };
  return { refused: waiting ? 'not_provisioned' : 'unknown_person' };
}
