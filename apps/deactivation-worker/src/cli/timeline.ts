/** `show`: one person, and when which door closed. */
import type { CaseView } from '#contracts';
import { table, type Json } from '#platform';
import type { Timeline } from './client.js';
import { heldReason } from './words.js';

type Case = Json<CaseView>;

export function describeTimeline({ person, cases }: Timeline): string {
  const fields = [
    ['Account', person.account],
    ['User name', person.userName || '-'],
    ['Name', person.displayName ?? '-'],
    ['Okta user id', person.externalId ?? '-'],
    ['Directory', person.deleted ? 'deleted' : person.active ? 'active' : 'deactivated'],
    ...(person.oktaState ? [['Okta says', `${person.oktaState} (since ${person.oktaStateAt ?? 'unknown'})`]] : []),
    ['Access', access(person)],
    ['Cognito', cognito(person)],
    ...(person.lastError ? [['Last error', attempt(person)]] : []),
  ].map(([name = '', value = '']) => `${name.padEnd(17)}${value}`);
  const history = cases.length === 0 ? ['Never offboarded: there is no case.'] : cases.map(describeCase);
  return [fields.join('\n'), ...history].join('\n\n');
}

function access(person: Timeline['person']): string {
  const told =
    person.publishedStatus === null
      ? 'services have not been told yet'
      : `services were told: ${person.publishedStatus}${person.notBefore ? `, no tokens from before ${person.notBefore}` : ''}`;
  return `${person.desiredAccess === 'enabled' ? 'open' : 'closed'}; ${told}`;
}

function cognito({ provisioned, actualAccess, signOutDue }: Timeline['person']): string {
  if (!provisioned) return 'does not have the user';
  const enabled = actualAccess ?? 'to be read back';
  return `${enabled}${signOutDue ? ', old refresh tokens not revoked yet' : ''}`;
}

function describeCase(of: Case): string {
  const { timings: t } = of;
  const first = t.firstRefusedAt;
  const steps: [string, string | null][] = [
    ["Okta's push arrived", t.pushedAt],
    ['case opened', t.receivedAt],
    ...(t.heldAt ? ([[`held: ${heldReason(of.heldBecause)}`, t.heldAt]] satisfies [string, string][]) : []),
    ...(t.releasedAt
      ? ([[`released by ${of.releasedBy ?? 'unknown'}`, t.releasedAt]] satisfies [string, string][])
      : []),
    ...DOORS.map(([name, door]): [string, string | null] => [name, t[door]]),
    ...(first
      ? ([[`first token refused (${of.firstRefusedBy ?? 'unknown'})`, first]] satisfies [string, string][])
      : []),
  ];
  // A case that has ended did not have to close what it left, e.g. in a pool that never had the user.
  const missing = of.endedAt === null && of.state !== 'completed' ? 'open' : '-';
  const rows = steps.map(([name, at]) => [name, at ?? missing, since(t.pushedAt, at)]);
  const head = `Case ${of.id}: ${of.state}, because of ${of.cause} (request ${of.causationId})`;
  return [head, table(['what', 'at', 'since the push'], rows), ...remarks(of)].join('\n');
}

const DOORS = [
  ['services refuse tokens', 'fencedAt'],
  ['Cognito disabled', 'disabledAt'],
  ['refresh tokens revoked', 'signedOutAt'],
  ['SSO sessions ended', 'sessionsEndedAt'],
  ['confirmed by reading back', 'confirmedAt'],
] as const;

const since = (pushedAt: string, at: string | null): string =>
  at === null ? '-' : `${Date.parse(at) - Date.parse(pushedAt)} ms`;

function remarks(of: Case): string[] {
  const open = DOORS.filter(([, door]) => of.timings[door] === null).map(([name]) => name);
  switch (of.state) {
    case 'new':
      return ['Waits for admission: the brake has not been asked yet.'];
    case 'held':
      return [
        `All doors are open. Released by itself at ${of.heldUntil ?? 'an unknown instant'}.`,
        `To close them now: npm run offboarding -- release ${of.userName}. To discard the case: reactivate the person in Okta.`,
      ];
    case 'running':
      return [
        `Still open: ${open.join(', ') || 'nothing; about to end'}. ${of.lastError ? `Last error: ${attempt(of)}` : 'No error so far.'}`,
      ];
    case 'completed':
      return of.timings.firstRefusedAt ? [] : ['No service has reported a refused token since.'];
    case 'superseded':
      return ['Reactivated before every door was closed; the rest was not needed any more.'];
    case 'discarded':
      return ['Restored before it was let through: no access was taken away.'];
  }
}

const attempt = (of: Pick<Case, 'lastError' | 'lastErrorClass' | 'attempts' | 'nextAttemptAt'>): string =>
  `${of.lastError} (${of.lastErrorClass ?? 'unclassified'}, attempt ${of.attempts}, next ${of.nextAttemptAt ?? 'not planned'})`;
