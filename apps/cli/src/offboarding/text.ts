import type { CaseView, HeldCases, HeldRoleLossView, Json, PersonTimeline } from '#contracts';
import { fields, instant, table, type Screen, type Typed } from '#command-line';
import { attempt, beginning, heldReason, stateSentences, STEPS } from './sentences.js';

type Case = Json<CaseView>;
type Person = Json<PersonTimeline>['person'];

const COLOURS = { held: 'yellow', running: 'yellow', completed: 'green', new: 'yellow' } as const;
const colourOf = ({ state, lastError }: Case): 'red' | 'yellow' | 'green' | 'dim' =>
  lastError ? 'red' : state in COLOURS ? COLOURS[state as keyof typeof COLOURS] : 'dim';

export function describeTimeline(screen: Screen, { person, cases }: Json<PersonTimeline>, typed: Typed): string {
  const rows = fields([
    ['Account', person.account],
    ['User name', person.userName || '-'],
    ['Name', person.displayName ?? '-'],
    ['Okta user id', person.externalId ?? '-'],
    ['Directory', person.deleted ? 'deleted' : person.active ? 'active' : 'deactivated'],
    ['Okta says', person.oktaState && `${person.oktaState} (since ${instant(person.oktaStateAt, 'unknown')})`],
    ['Access', access(person)],
    ['Cognito', cognito(person)],
    ['Last error', person.lastError && attempt(person)],
  ]);
  const none = [
    ...(person.active || person.deleted ? [] : [NOT_OFFBOARDED]),
    'This person was never offboarded, so there is no case.',
  ];
  const history = cases.length === 0 ? [none.join('\n')] : cases.map((each) => describeCase(screen, each, typed));
  return [rows, ...history].join('\n\n');
}

const NOT_OFFBOARDED =
  'Okta deactivated the person, but there is no case. Most likely "Deactivate on Offboard" was off for the tenant at that time.';

function access(person: Person): string {
  const published =
    person.publishedStatus === null
      ? 'not published to the services yet'
      : `published to the services: ${person.publishedStatus}${person.notBefore ? `, tokens issued before ${instant(person.notBefore)} are refused` : ''}`;
  return `${person.desiredAccess}; ${published}`;
}

function cognito({ provisioned, actualAccess, signOutDue }: Person): string {
  if (!provisioned) return 'does not have the user';
  return `${actualAccess ?? 'not read back yet'}${signOutDue ? ', old refresh tokens not revoked yet' : ''}`;
}

function describeCase(screen: Screen, of: Case, typed: Typed): string {
  const { timings: t } = of;
  type Step = readonly [name: string, at: string | null];
  const done = (name: string, at: string | null): Step[] => (at === null ? [] : [[name, at]]);
  const steps: Step[] = [
    [beginning(of.cause), t.pushedAt],
    ['case opened', t.receivedAt],
    ...done(`held: ${heldReason(of.heldBecause)}`, t.heldAt),
    ...done('SSO sessions ended, while held', t.heldSessionsEndedAt),
    ...done('refresh tokens revoked, while held', t.heldSignedOutAt),
    ...done(`released by ${of.releasedBy ?? 'unknown'}`, t.releasedAt),
    ...STEPS.map(([name, timing]): Step => [name, t[timing]]),
    ...done(`first token refused (${of.firstRefusedBy ?? 'unknown'})`, t.firstRefusedAt),
  ];
  // A case can end without all steps, for example if the user pool never had the user.
  const missing = of.endedAt === null && of.state !== 'completed' ? 'open' : '-';
  const inOrder = [...steps.filter(([, at]) => at !== null), ...steps.filter(([, at]) => at === null)].sort(
    ([, a], [, b]) => (a !== null && b !== null ? Date.parse(a) - Date.parse(b) : 0),
  );
  const rows = table(screen, inOrder, [
    { head: 'STEP', cell: ([name]) => name, shrink: 1 },
    { head: 'AT', cell: ([, at]) => instant(at, missing) },
    { head: 'SINCE THE SIGNAL', cell: ([, at]) => (at === null ? '-' : since(t.pushedAt, at)) },
  ]);
  const head = `Case ${of.id}: ${screen.paint(colourOf(of), of.state)}, because of ${of.cause} (request ${of.causationId})`;
  return [head, rows, ...stateSentences(of, typed)].join('\n');
}

const since = (from: string, to: string): string => `${Date.parse(to) - Date.parse(from)} ms`;

/** Formats the time from the signal to the last step, including the time in which the brake held the case. */
const closedAfter = ({ timings }: Case): string =>
  timings.confirmedAt === null ? '-' : `after ${since(timings.pushedAt, timings.confirmedAt)}`;

export const describeCases = (screen: Screen, cases: readonly Case[]): string =>
  table(screen, cases, [
    { head: 'USER NAME', cell: (c) => c.userName || c.account, shrink: 1 },
    { head: 'STATE', cell: (c) => c.state, colour: colourOf },
    { head: 'CAUSE', cell: (c) => c.cause, shrink: 3 },
    { head: 'SIGNAL AT', cell: (c) => instant(c.timings.pushedAt) },
    { head: 'ALL STEPS DONE', cell: closedAfter },
    { head: 'LAST ERROR', cell: (c) => c.lastError, shrink: 4 },
  ]);

/** `losses` is null if identity-service did not answer; `problem` then says why. */
export function describeHeld(
  screen: Screen,
  { held, total }: Json<HeldCases>,
  losses: readonly Json<HeldRoleLossView>[] | null,
  problem: string | null,
  typed: Typed,
): string {
  const parts = [
    ...(held.length > 0 ? [heldCases(screen, held, total)] : []),
    ...(losses && losses.length > 0 ? [heldLosses(screen, losses)] : []),
    ...(problem === null ? [] : [`It is not known whether losses of roles are held: ${problem}`]),
  ];
  if (held.length === 0 && !losses?.length) parts.unshift('Nobody is held.');
  else
    parts.push(
      `To let a held loss happen: ${typed('offboarding release <person>')}, or release --all.\nTo discard a held loss: undo the change in Okta (reactivate the person, assign the person again, or put the person back into the group).`,
    );
  return parts.join('\n\n');
}

const HELD_COLUMNS = [
  { head: 'USER NAME', cell: (h: Held) => h.userName || h.account, shrink: 1 },
  { head: 'NAME', cell: (h: Held) => h.displayName, shrink: 5 },
  { head: 'HELD SINCE', cell: (h: Held) => instant(h.heldAt) },
  { head: 'WHY', cell: (h: Held) => heldReason(h.heldBecause), shrink: 4 },
  { head: 'CAUSE', cell: (h: Held) => h.cause, shrink: 3 },
  { head: 'RELEASED AUTOMATICALLY AT', cell: (h: Held) => instant(h.heldUntil), shrink: 2 },
] as const;

interface Held extends Pick<Case, 'userName' | 'account' | 'displayName' | 'heldBecause' | 'heldUntil' | 'cause'> {
  readonly heldAt: string | null;
}

function heldCases(screen: Screen, held: readonly Case[], total: number): string {
  const rows = held.map((c) => ({ ...c, heldAt: c.timings.heldAt }));
  const rest = total > held.length ? `\n... and ${total - held.length} more.` : '';
  return `Signed out, but can sign in again if Okta lets them in (${total}):\n${table(screen, rows, HELD_COLUMNS)}${rest}`;
}

function heldLosses(screen: Screen, losses: readonly Json<HeldRoleLossView>[]): string {
  const columns = [
    ...HELD_COLUMNS,
    { head: 'WOULD LOSE', cell: (h: Held & Json<HeldRoleLossView>) => h.wouldLose.join(', '), shrink: 2 },
  ];
  return `Keep roles that they would lose (${losses.length}):\n${table(screen, losses, columns)}`;
}
