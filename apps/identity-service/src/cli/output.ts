/** What the command line prints. */
import type { AccountView, Explanation, GrantView, PoolComparison } from '#contracts';
import { table, type Json } from '#platform';
import { describeReason, emailLeftOut } from './reasons.js';

export function describeList(accounts: readonly Json<AccountView>[], more: boolean): string {
  if (accounts.length === 0)
    return 'No accounts yet. Assign a user to the StackFlow app in Okta, e.g. "npm run okta -- assign <user>".';
  const rows = accounts.map((a) => [a.userName, a.status, a.roles.join(', ') || '-', a.cognito.state, a.id]);
  return `${table(['user name', 'status', 'roles', 'Cognito', 'account'], rows)}${more ? '\n... and more; raise --limit.' : ''}`;
}

export function describeAccount(account: Json<AccountView>, grants: readonly Json<GrantView>[]): string {
  const { cognito } = account;
  const fields = [
    ['Account', account.id],
    ['User name', account.userName],
    ['Okta user id', account.externalId ?? '-'],
    ['E-mail', account.email ?? '-'],
    ['Name', account.displayName ?? '-'],
    ['Status', account.status],
    ['Roles in effect', account.roles.join(', ') || 'none'],
    ...(account.heldRoleLoss ? [['Loss held', describeHeld(account.heldRoleLoss)]] : []),
    ['Cognito', cognito.state + (cognito.syncedAt ? `, last equal at ${cognito.syncedAt}` : '')],
    ...(cognito.warning ? [['Warning', emailLeftOut(account.email ?? '')]] : []),
    ...(cognito.lastError
      ? [
          [
            'Last error',
            `${cognito.lastError} (attempt ${cognito.attempts}, next ${cognito.nextAttemptAt ?? 'unknown'})`,
          ],
        ]
      : []),
  ].map(([name = '', value = '']) => `${name.padEnd(17)}${value}`);
  const rows = grants.map((g) => [
    g.role,
    g.grantedAt,
    why(g.grantedCause, g.grantedGroupName),
    g.revokedAt ?? '-',
    g.revokedCause ?? '-',
    g.grantedCausationId,
  ]);
  const history =
    rows.length === 0
      ? 'No role was ever granted.'
      : table(['role', 'granted', 'because of', 'revoked', 'because of', 'request'], rows);
  return `${fields.join('\n')}\n\n${history}`;
}

const describeHeld = ({ wouldLose, heldBecause, heldAt, cause }: NonNullable<Json<AccountView>['heldRoleLoss']>) =>
  `would lose ${wouldLose.join(', ')} (${cause}); held since ${heldAt}, ${heldBecause === 'last_admin' ? 'the last one with the strongest role' : 'too many at once'}`;

const why = (cause: string, group: string | null): string => (group ? `${cause} ("${group}")` : cause);

export const describeExplanation = (explanation: Json<Explanation>): string =>
  [`${explanation.account.userName}:`, ...explanation.reasons.map((reason) => `  ${describeReason(reason)}`)].join(
    '\n',
  );

export function describeCompare(run: Json<PoolComparison>): string {
  const { progress: p } = run;
  const head = {
    running: `Comparing (${p.phase}): ${p.users} users of the pool so far`,
    done: `Compared ${p.users} users of the pool`,
    failed: `The compare failed: ${run.error ?? 'unknown'}`,
  }[run.state];
  const found = `${p.differing} differ (attributes ${p.attributes}, groups ${p.groups}, missing ${p.missing})${p.differing > 0 ? '; they are being repaired' : ''}.`;
  const orphans =
    p.orphans === 0
      ? ''
      : `\n${p.orphans} users of the pool belong to no account; they are left alone: ${p.orphanSample.slice(0, 10).join(', ')}${p.orphans > 10 ? ', ...' : ''}`;
  return `${head}. ${found}${orphans}`;
}
