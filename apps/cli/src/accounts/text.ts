import type { AccountView, GrantView, Json, PoolComparison } from '#contracts';
import { fields, instant, table, type Screen } from '#command-line';
import { heldSentence, warningSentence } from './sentences.js';

type Account = Json<AccountView>;

export const describeAccounts = (screen: Screen, accounts: readonly Account[]): string =>
  table(screen, accounts, [
    { head: 'USER NAME', cell: (a) => a.userName, shrink: 1 },
    { head: 'STATUS', cell: (a) => a.status, colour: (a) => (a.status === 'active' ? undefined : 'dim') },
    { head: 'ROLES', cell: (a) => a.roles.join(', '), shrink: 2 },
    { head: 'COGNITO', cell: (a) => a.cognito.state, colour: (a) => COLOURS[a.cognito.state] },
    { head: 'NAME', cell: (a) => a.displayName, shrink: 3 },
    { head: 'PROBLEM', cell: problem, shrink: 4, colour: (a) => (a.cognito.lastError ? 'red' : 'yellow') },
    { head: 'ACCOUNT', cell: (a) => a.id, shrink: 5 },
  ]);

const COLOURS = { synced: 'green', pending: 'yellow', failing: 'red', none: 'dim' } as const;

const problem = (account: Account): string | null =>
  account.cognito.lastError ?? warningSentence(account) ?? (account.heldRoleLoss ? 'a loss of roles is held' : null);

export function describeAccount(screen: Screen, account: Account, grants: readonly Json<GrantView>[]): string {
  const { cognito, heldRoleLoss: held } = account;
  const rows = fields([
    ['Account', account.id],
    ['User name', account.userName],
    ['Okta user id', account.externalId ?? '-'],
    ['E-mail', account.email ?? '-'],
    ['Name', account.displayName ?? '-'],
    ['Status', account.status],
    ['Roles in effect', account.roles.join(', ') || 'none'],
    [
      'Loss held',
      held &&
        `would lose ${held.wouldLose.join(', ')} (${held.cause}); held since ${instant(held.heldAt)}, because ${heldSentence[held.heldBecause]}`,
    ],
    [
      'Cognito',
      cognito.state + (cognito.syncedAt ? `; last confirmed to match the account at ${instant(cognito.syncedAt)}` : ''),
    ],
    ['Warning', warningSentence(account)],
    [
      'Last error',
      cognito.lastError &&
        `${cognito.lastError} (attempt ${cognito.attempts}, next ${instant(cognito.nextAttemptAt, 'unknown')})`,
    ],
  ]);
  return `${rows}\n\n${describeGrants(screen, grants)}`;
}

const describeGrants = (screen: Screen, grants: readonly Json<GrantView>[]): string =>
  grants.length === 0
    ? 'No role was ever granted.'
    : table(screen, grants, [
        { head: 'ROLE', cell: (g) => g.role },
        { head: 'GRANTED', cell: (g) => instant(g.grantedAt) },
        { head: 'BECAUSE OF', cell: (g) => cause(g.grantedCause, g.grantedGroupName), shrink: 1 },
        { head: 'REVOKED', cell: (g) => instant(g.revokedAt) },
        { head: 'BECAUSE OF', cell: (g) => g.revokedCause, shrink: 2 },
        { head: 'REQUEST', cell: (g) => g.grantedCausationId, shrink: 3 },
      ]);

const cause = (what: string, group: string | null): string => (group ? `${what} ("${group}")` : what);

export function describePoolComparison(run: Json<PoolComparison>): string {
  const { progress: p } = run;
  const head = {
    running: `Comparing (${p.phase}): ${p.users} users of the pool so far`,
    done: `Compared ${p.users} users of the pool`,
    failed: `The comparison failed: ${run.error ?? 'unknown'}`,
  }[run.state];
  const found = `${p.differing} differ (attributes ${p.attributes}, groups ${p.groups}, missing ${p.missing})${p.differing > 0 ? '; they are being repaired' : ''}.`;
  const orphans =
    p.orphans === 0
      ? ''
      : `\n${p.orphans} users of the pool belong to no account and stay as they are: ${p.orphanSample.slice(0, 10).join(', ')}${p.orphans > 10 ? ', ...' : ''}`;
  return `${head}. ${found}${orphans}`;
}
