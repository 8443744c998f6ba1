/** The decision itself, as a pure function: what the token says, what the view says, how old the view is. */
import type { DenialReason } from './denied.js';
import type { AccessEntry } from './view.js';

export interface Freshness {
  /** `bootstrapping`: the topic was never read to its end; `stale`: it was, but the feed is silent for too long now. */
  readonly state: 'bootstrapping' | 'live' | 'stale';
  /** Since when the view may have missed something: milliseconds since it was last known to be complete. */
  readonly lagMs: number;
  /** When it was last known to be complete. */
  readonly asOf: Date | null;
  readonly accounts: number;
}

export interface AccessPolicy {
  readonly stale: {
    /** The feed counts as stale when nothing proved for this long that the view is complete. */
    readonly afterMs: number;
    /** While it is stale, tokens older than this are refused; 0 refuses all. */
    readonly acceptTokensYoungerThanMs: number;
  };
  /**
   * A genuine token of an account that the view does not know. `refuse` (the default): the record of every account is
   * on the topic before its owner can have signed in, give or take the delay of the feed; and a view that was pointed
   * at the wrong topic must not let everybody in. `accept`: with the roles of `cognito:groups`, as of the token's issue.
   */
  readonly unknownAccount: 'refuse' | 'accept';
}

export const defaultPolicy: AccessPolicy = {
  stale: { afterMs: 10_000, acceptTokensYoungerThanMs: 300_000 },
  unknownAccount: 'refuse',
};

export interface TokenFacts {
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  readonly tenantId: string | undefined;
  readonly groups: readonly string[];
}

export type Decision =
  | { readonly allowed: true; readonly roles: readonly string[]; readonly tenantId: string | null }
  | { readonly allowed: false; readonly reason: DenialReason; readonly detail: string };

const deny = (reason: DenialReason, detail: string): Decision => ({ allowed: false, reason, detail });

/** `nowMs`: wall clock; it is used for the age of a token under a stale view, never for the fence. */
export function decide(
  token: TokenFacts,
  entry: AccessEntry | undefined,
  state: Freshness['state'],
  policy: AccessPolicy,
  nowMs: number,
): Decision {
  if (state === 'bootstrapping')
    return deny('view_not_ready', 'This service does not know yet who has access. Try again shortly.');
  const refusal = entry && refusedByEntry(token, entry);
  if (refusal) return refusal;
  if (!entry && policy.unknownAccount === 'refuse') return deny('account_unknown', 'This account is not known here.');
  if (state === 'stale' && nowMs - token.issuedAt * 1000 > policy.stale.acceptTokensYoungerThanMs)
    return deny(
      'token_too_old_for_stale_view',
      'News about accounts is delayed, so only recently issued tokens are accepted. Refresh the token.',
    );
  return entry
    ? { allowed: true, roles: entry.roles, tenantId: entry.tenantId }
    : { allowed: true, roles: token.groups, tenantId: token.tenantId ?? null };
}

function refusedByEntry(token: TokenFacts, entry: AccessEntry): Decision | undefined {
  if (token.tenantId !== undefined && token.tenantId !== entry.tenantId)
    return deny('tenant_mismatch', 'The token belongs to another tenant than the account.');
  if (entry.status !== 'active') return deny('account_inactive', 'This account has no access (any more).');
  if (isFenced(token.issuedAt, entry.notBefore)) return deny('token_revoked', 'This token was revoked. Sign in again.');
  return undefined;
}

/**
 * `iat` has whole seconds, the fence has milliseconds: a token of the second of the fence may be older or younger than
 * it, and is refused. The price: who signs in within the second of his reactivation has to do so again.
 *
 * Both instants come from clocks other than this machine's (Cognito's; the one Postgres that sets fences), so a wrong
 * clock here moves no fence. While an account is fenced its status refuses every token, whatever the clocks say.
 */
export const isFenced = (issuedAt: number, notBefore: number | null): boolean =>
  notBefore !== null && issuedAt <= Math.floor(notBefore / 1000);
