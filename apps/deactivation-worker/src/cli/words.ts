/** What `list` and `held` print, and the words that all commands share. */
import type { CaseView } from '#contracts';
import { table, type Json } from '#platform';
import type { Held, HeldRoleLoss } from './client.js';

type Case = Json<CaseView>;

export const heldReason = (because: 'threshold' | 'last_admin' | null): string =>
  because === 'last_admin'
    ? 'nobody with the strongest role would be left'
    : 'more people than the brake lets through at once';

export function describeList(cases: readonly Case[], more: boolean, state: string | undefined): string {
  if (cases.length === 0)
    return state === undefined
      ? 'Nobody has been offboarded yet. Unassign a user from the StackFlow app in Okta, e.g. "npm run okta -- unassign <user>".'
      : `No case is ${state}.`;
  const rows = cases.map((c) => [
    c.userName || c.account,
    c.state,
    c.cause,
    c.timings.pushedAt,
    closedAfter(c),
    c.lastError ?? '-',
  ]);
  const head = ['user name', 'state', 'cause', 'pushed', 'all doors closed', 'last error'];
  return `${table(head, rows)}${more ? '\n... and more; raise --limit.' : ''}`;
}

/** From the push; with the brake's hold, if there was one. */
function closedAfter({ timings }: Case): string {
  const { pushedAt, confirmedAt } = timings;
  return confirmedAt === null ? '-' : `after ${Date.parse(confirmedAt) - Date.parse(pushedAt)} ms`;
}

/** `losses`: null = identity-service could not be asked; `problem` says why. */
export function describeHeld(
  { held, total }: Held,
  losses: readonly HeldRoleLoss[] | null,
  problem: string | null,
): string {
  const parts = [
    ...(held.length > 0 ? [heldCases(held, total)] : []),
    ...(losses && losses.length > 0 ? [heldLosses(losses)] : []),
    ...(problem === null ? [] : [`Whether losses of roles are held is not known: ${problem}`]),
  ];
  if (held.length === 0 && !losses?.length) parts.unshift('Nobody is held.');
  else parts.push(TO_RELEASE);
  return parts.join('\n\n');
}

const TO_RELEASE = `To let it happen: npm run offboarding -- release <who>, or release --all.
To discard it: restore the person in Okta (reactivate, assign again, put back into the group); what is undone there is not held any more.`;

function heldCases(held: readonly Case[], total: number): string {
  const rows = held.map((c) => [
    c.userName || c.account,
    c.displayName ?? '-',
    c.timings.heldAt ?? '-',
    heldReason(c.heldBecause),
    c.cause,
    c.heldUntil ?? '-',
  ]);
  const head = ['user name', 'name', 'held since', 'why', 'cause', 'released by itself at'];
  const rest = total > held.length ? `\n... and ${total - held.length} more.` : '';
  return `Still have access (${total}):\n${table(head, rows)}${rest}`;
}

function heldLosses(losses: readonly HeldRoleLoss[]): string {
  const rows = losses.map((l) => [
    l.userName || l.account,
    l.displayName ?? '-',
    l.heldAt,
    heldReason(l.heldBecause),
    l.cause,
    l.wouldLose.join(', '),
  ]);
  return `Keep roles that they would lose (${losses.length}):\n${table(['user name', 'name', 'held since', 'why', 'cause', 'would lose'], rows)}`;
}
