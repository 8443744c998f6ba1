/** The command line's answers as text. */
import type { EventEnvelope } from '#events';
import type { ParkedQueue } from '../admin/inspect.sql.js';
import type { OutboxState } from './schemas.js';

export interface ListView {
  readonly topics: readonly string[];
  readonly outboxes: readonly OutboxState[];
  readonly consumers: readonly {
    group: string;
    schema: string;
    topic: string;
    lag: number;
    parkedKeys: number;
    deadKeys: number;
    parkedEvents: number;
  }[];
}

export interface ShowView {
  readonly events: readonly {
    topic: string;
    partition: number;
    position: string;
    key: string;
    event: EventEnvelope | null;
    fault: string | null;
  }[];
  readonly consumers: readonly { group: string; topic: string; key: string; sequence: number; at: string }[];
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const all = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function describeList({ outboxes, consumers }: ListView): string {
  const publishing = table(
    ['OUTBOX', 'WAITING', 'OLDEST'],
    outboxes.map((o) => [o.schema, o.waiting, o.waiting === 0 ? '-' : `${o.oldestSeconds} s`]),
  );
  const consuming = table(
    ['GROUP', 'TOPIC', 'LAG', 'PARKED KEYS', 'DEAD', 'PARKED EVENTS'],
    consumers.map((c) => [c.group, c.topic, c.lag, c.parkedKeys, c.deadKeys, c.parkedEvents]),
  );
  return `${publishing}\n\n${consuming}`;
}

export function describeParked(queues: readonly ParkedQueue[]): string {
  if (queues.length === 0) return 'Nothing is parked.';
  return queues
    .map(({ consumer_group, topic, key, sequence, state, attempts, error, next_at, length, event }) => {
      const next = state === 'dead' ? 'waits for you: "retry" or "skip"' : `next attempt ${next_at.toISOString()}`;
      return `${consumer_group}  ${key}\n  ${topic} ${event?.type ?? '(unreadable record)'} sequence ${sequence}: ${state} after ${attempts} attempts, ${next}\n  ${error ?? 'replay'}\n  ${length - 1} more behind it`;
    })
    .join('\n\n');
}

export function describeShow({ events, consumers }: ShowView): string {
  const log = table(
    ['TIME', 'SEQ', 'TYPE', 'CAUSE', 'AT'],
    events.map(({ event, fault, topic, partition, position }) =>
      event
        ? [event.time, event.sequence, event.type, event.causationid, `${topic}/${partition}@${position}`]
        : ['-', '-', `unreadable: ${fault ?? ''}`, '-', `${topic}/${partition}@${position}`],
    ),
  );
  return `${log}\n\n${table(
    ['GROUP', 'TOPIC', 'HAS TAKEN IN', 'AT'],
    consumers.map((c) => [c.group, c.topic, `up to ${c.sequence}`, c.at]),
  )}`;
}
