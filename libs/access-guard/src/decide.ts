import type { DenialReason } from './denied.js';
import type { AccessEntry } from './view.js';

export interface Freshness {
  /**
   * `bootstrapping`: this process has never read the topic `identity.access` to its end. `stale`: the last time was
   * more than `afterMs` ago.
   */
  readonly state: 'bootstrapping' | 'live' | 'stale';
  /** Milliseconds since this process last had every record of the topic. */
  readonly lagMs: number;
  /** Time at which this process last had every record of the topic. */
  readonly asOf: Date | null;
  readonly accounts: number;
}

export interface AccessPolicy {
  readonly stale: {
    /** The local copy of `identity.access` is stale if the topic was last read to its end longer ago than this. */
    readonly afterMs: number;
    /** While the local copy is stale, tokens older than this are refused. 0 refuses all tokens. */
    readonly acceptTokensYoungerThanMs: number;
  };
  /**
   * Whether a valid token is accepted if its account is not in the local copy. `refuse` is the default: the topic has a
   * record of each account before the person can sign in. `accept` takes the roles from `cognito:groups`; a guard that
   * reads the wrong topic would then admit everybody.
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
 * Decides about a verified token. `nowMs` (wall clock) gives the age of the token; it is never compared with a fence.
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
 * Returns true if the fence revokes a token with this `iat`. `iat` has whole seconds, so a token from the same second
 * as the fence is refused. A person who signs in within the second of their reactivation has to sign in again.
 *
 * Cognito's clock sets `iat` and the clock of Postgres sets the fence, so a wrong clock on this machine cannot move a
 * fence.
 */
export const isFenced = (issuedAt: number, notBefore: number | null): boolean =>
  notBefore !== null && issuedAt <= Math.floor(notBefore / 1000);
