import type { EventBusState, HandledKey, ParkedError, ParkedKey, PublishedEvent } from '#contracts';
import { instant, table, type Screen, type Typed } from '#command-line';
import { unknownLines, type OfService } from './buses.js';

const red = (is: boolean): 'red' | undefined => (is ? 'red' : undefined);

export function describeStates(screen: Screen, all: readonly OfService<EventBusState>[]): string {
  const outboxes = all.flatMap(({ service, value }) => (value?.outbox ? [{ service, ...value.outbox }] : []));
  const consumers = all.flatMap(({ value }) => value?.consumers ?? []);
  const publishing = table(screen, outboxes, [
    { head: 'PUBLISHES', cell: (o) => o.service },
    { head: 'WAITING', cell: (o) => o.depth, colour: (o) => red(o.oldestSeconds > 10) },
    { head: 'OLDEST', cell: (o) => (o.depth === 0 ? '-' : `${o.oldestSeconds} s`) },
  ]);
  const consuming = table(screen, consumers, [
    { head: 'GROUP', cell: (c) => c.group },
    { head: 'TOPIC', cell: (c) => c.topic },
    { head: 'LAG', cell: (c) => c.lag ?? 'unknown' },
    { head: 'PARKED KEYS', cell: (c) => c.parkedKeys, colour: (c) => red(c.parkedKeys > 0) },
    { head: 'DEAD', cell: (c) => c.deadKeys, colour: (c) => red(c.deadKeys > 0) },
    { head: 'PARKED EVENTS', cell: (c) => c.parkedEvents },
  ]);
  return [publishing, consuming, unknownLines(all)].filter((text) => text !== '').join('\n\n');
}

export interface NamedKey extends ParkedKey {
  /** Slug of the tenant, or its id. */
  readonly tenant: string;
  /** User name, if the key belongs to a person. */
  readonly person: string | null;
}

export function describeParked(
  screen: Screen,
  summary: readonly ParkedError[],
  keys: readonly NamedKey[],
  typed: Typed,
): string {
  if (summary.length === 0) return 'Nothing is parked.';
  const total = summary.reduce((sum, { keys: count }) => sum + count, 0);
  const errors = table(screen, summary, [
    { head: 'GROUP', cell: (s) => s.group },
    { head: 'TOPIC', cell: (s) => s.topic, shrink: 2 },
    { head: 'KEYS', cell: (s) => s.keys },
    { head: 'DEAD', cell: (s) => s.deadKeys, colour: (s) => red(s.deadKeys > 0) },
    { head: 'EVENTS', cell: (s) => s.events },
    { head: 'SINCE', cell: (s) => instant(s.since) },
    { head: 'ERROR', cell: (s) => s.error ?? 'waits for its replay', shrink: 1 },
  ]);
  const each = table(screen, keys, [
    { head: 'GROUP', cell: (k) => k.group },
    { head: 'PERSON', cell: (k) => k.person, shrink: 1 },
    { head: 'TENANT', cell: (k) => k.tenant, shrink: 3 },
    { head: 'EVENT', cell: (k) => `${k.type ?? '(unreadable record)'} #${k.sequence}`, shrink: 4 },
    { head: 'STATE', cell: (k) => k.state, colour: (k) => red(k.state === 'dead') },
    { head: 'ATTEMPTS', cell: (k) => k.attempts },
    { head: 'NEXT ATTEMPT', cell: (k) => instant(k.nextAttempt, 'waits for you: "retry" or "skip"'), shrink: 2 },
    { head: 'BEHIND IT', cell: (k) => k.events - 1 },
    { head: 'KEY', cell: (k) => k.key, shrink: 5 },
  ]);
  const rest = total > keys.length ? `\n... and ${total - keys.length} more keys; raise --limit.` : '';
  return `${errors}\n\n${each}${rest}\n\nTo try again now: ${typed('events retry <group> [key]')}; to try all keys with one error: ${typed('events retry <group> --error <text>')}`;
}

export function describeKey(
  screen: Screen,
  events: readonly PublishedEvent[],
  omitted: number,
  handled: readonly HandledKey[],
): string {
  const older = omitted > 0 ? `... ${omitted} older events are left out; raise --limit.\n` : '';
  const log = table(screen, events, [
    { head: 'TIME', cell: (e) => instant(e.event?.time) },
    { head: 'SEQUENCE', cell: (e) => e.event?.sequence },
    { head: 'TYPE', cell: (e) => e.event?.type ?? `unreadable: ${e.fault ?? ''}`, shrink: 1 },
    { head: 'CAUSE', cell: (e) => e.event?.causationid, shrink: 3 },
    { head: 'POSITION', cell: (e) => `${e.topic}/${e.partition}@${e.position}`, shrink: 2 },
  ]);
  const groups = table(screen, handled, [
    { head: 'GROUP', cell: (h) => h.group },
    { head: 'TOPIC', cell: (h) => h.topic },
    { head: 'HANDLED UP TO', cell: (h) => h.sequence },
    { head: 'AT', cell: (h) => instant(h.at) },
  ]);
  return `${older}${log}\n\n${groups}`;
}
