/** Decides about a token as a pure function of the token, the view, and the age of the view. */
import type { DenialReason } from './denied.js';
import type { AccessEntry } from './view.js';

export interface Freshness {
  /**
   * `bootstrapping` means that the feed has never read the topic to its end. `stale` means that the feed has done so,
   * but the view was last known to be complete too long ago.
   */
  readonly state: 'bootstrapping' | 'live' | 'stale';
  /** Milliseconds since the view was last known to be complete. */
  readonly lagMs: number;
  /** Time at which the view was last known to be complete. */
  readonly asOf: Date | null;
  readonly accounts: number;
}

export interface AccessPolicy {
  readonly stale: {
    /** The view becomes stale if it was last known to be complete longer ago than this. */
    readonly afterMs: number;
    /** While the view is stale, tokens older than this are refused. 0 refuses all tokens. */
    readonly acceptTokensYoungerThanMs: number;
  };
  /**
   * Decides about a valid token whose account is not in the view. `refuse` is the default, because the topic contains a
   * record of every account before the person can sign in. Only the delay of the feed can make the record arrive later.
   * With `accept`, the token's `cognito:groups` are the roles, and a view that reads the wrong topic would admit
   * everybody.
   */
  readonly unknownAccount: 'refuse' | 'accept';
}

export const defaultPolicy: AccessPolicy = {
  stale: { afterMs: 10_000, acceptTokensYoungerThanMs: 300_000 },
  unknownAccount: 'refuse',
};

export interface TokenFacts {
  /** Time of issue, in seconds since the epoch. */
  readonly issuedAt: number;
  readonly tenantId: string | undefined;
  readonly groups: readonly string[];
}

export type Decision =
  | { readonly allowed: true; readonly roles: readonly string[]; readonly tenantId: string | null }
  | { readonly allowed: false; readonly reason: DenialReason; readonly detail: string };

const deny = (reason: DenialReason, detail: string): Decision => ({ allowed: false, reason, detail });

/**
 * Decides about a token. `nowMs` is the time of the wall clock. It determines the age of a token while the view is
 * stale, and is never compared with a fence.
 */
export function decide(
  token: TokenFacts,
  entry: AccessEntry | undefined,
  state: Freshness['state'],
  policy: AccessPolicy,
  nowMs: number,
): Decision {
  if (state === 'bootstrapping')
    return deny('view_not_ready', 'This service has not loaded the access of all accounts yet. Try again shortly.');
  const refusal = entry && refusedByEntry(token, entry);
  if (refusal) return refusal;
  if (!entry && policy.unknownAccount === 'refuse')
    return deny('account_unknown', 'This service does not know this account.');
  if (state === 'stale' && nowMs - token.issuedAt * 1000 > policy.stale.acceptTokensYoungerThanMs)
    return deny(
      'token_too_old_for_stale_view',
      'Updates about accounts are delayed, so only recently issued tokens are accepted. Refresh the token.',
    );
  return entry
    ? { allowed: true, roles: entry.roles, tenantId: entry.tenantId }
    : { allowed: true, roles: token.groups, tenantId: token.tenantId ?? null };
}

function refusedByEntry(token: TokenFacts, entry: AccessEntry): Decision | undefined {
  if (token.tenantId !== undefined && token.tenantId !== entry.tenantId)
    return deny('tenant_mismatch', 'The token belongs to another tenant than the account.');
  if (entry.status !== 'active') return deny('account_inactive', 'This account has no access.');
  if (isFenced(token.issuedAt, entry.notBefore)) return deny('token_revoked', 'This token was revoked. Sign in again.');
  return undefined;
}

/**
 * Returns true if the fence makes the token invalid. `iat` has whole seconds and the fence has milliseconds. A token
 * issued in the second of the fence may be older or younger than the fence, so it is refused. A person who signs in
 * within the second of their reactivation therefore has to sign in again.
 *
 * Cognito's clock sets `iat`, and the clock of one Postgres sets the fence. A wrong clock on this machine therefore
 * cannot move a fence. While an account is inactive, its status refuses every token, whatever the clocks say.
 */
export const isFenced = (issuedAt: number, notBefore: number | null): boolean =>
  notBefore !== null && issuedAt <= Math.floor(notBefore / 1000);
