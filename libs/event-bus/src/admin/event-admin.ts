/** State and repair of the bus of one service, with that service's own database role and carrier settings. */
import type {
  EventBusState,
  EventKeyQuery,
  EventKeyState,
  ParkedKey,
  ParkedKeyChange,
  ParkedPage,
  ParkedQuery,
  PublishedEvent,
  ReplayedEvents,
  ReplayEvents,
  RetriedKeys,
  RetryParked,
  SkipParked,
} from '#contracts';
import { topics, type Topic } from '#events';
import { Problem, type Database, type Logger } from '#platform';
import type { Delivery } from '../record.js';
import type { EventSource } from '../source.js';
import { replay, retry, skip } from './actions.js';
import {
  groupsOf,
  inboxOf,
  outboxOf,
  parkedErrors,
  parkedQueues,
  retryMatching,
  type GroupState,
  type ParkedAfter,
  type ParkedQueue,
} from './inspect.sql.js';

/** A carrier that is down must not hide what the database knows. */
const LAG_LIMIT_MS = 5_000;
const KEYS_PER_PAGE = 50;
const EVENTS_OF_A_KEY = 200;

export interface EventAdminOptions {
  readonly database: Database;
  readonly carrier: EventBusState['carrier'];
  readonly source: EventSource;
  readonly logger: Logger;
}

export class EventAdmin {
  constructor(private readonly options: EventAdminOptions) {}

  async state(): Promise<EventBusState> {
    const { database, carrier } = this.options;
    const outbox = await outboxOf(database, database.schema);
    const groups = await this.groups();
    const consumers = await Promise.all(groups.map((group) => this.consumers(group)));
    return {
      carrier,
      outbox: outbox ? { depth: outbox.depth, oldestSeconds: Math.floor(outbox.oldestSeconds) } : null,
      consumers: consumers.flat(),
    };
  }

  /** Published events of a key (`tenant:subject`) or of a subject, and how far the groups of this service are with it. */
  async key(key: string, { topic, from, limit = EVENTS_OF_A_KEY }: EventKeyQuery): Promise<EventKeyState> {
    const { database, source } = this.options;
    const whole = key.includes(':') ? { key } : {};
    const events: PublishedEvent[] = [];
    for (const one of topic === undefined ? topics : [topicNamed(topic)])
      await source.read({ topic: one, from: from === undefined ? undefined : new Date(from), ...whole }, (page) => {
        events.push(...page.filter((d) => isOf(d, key)).map((d) => published(one, d)));
        return Promise.resolve();
      });
    const keys = [...new Set(events.map((event) => event.key))];
    const handled = [];
    for (const group of await this.groups())
      for (const row of await inboxOf(database, group, keys))
        handled.push({
          group: group.group,
          topic: row.topic,
          key: row.key,
          sequence: Number(row.sequence),
          at: row.handled_at.toISOString(),
        });
    return { events: events.slice(-limit), omitted: Math.max(0, events.length - limit), handled };
  }

  async parked({ limit = KEYS_PER_PAGE, cursor, ...filters }: ParkedQuery): Promise<ParkedPage> {
    const { database } = this.options;
    if ((await this.groups()).length === 0) return { keys: [], next: null, summary: [] };
    const after = cursor === undefined ? undefined : parseCursor(cursor);
    const queues = await parkedQueues(database, database.schema, filters, { after, limit: limit + 1 });
    const keys = queues.slice(0, limit).map(parkedKey);
    const last = queues.length > limit ? keys.at(-1) : undefined;
    const summary = await parkedErrors(database, database.schema, filters);
    return {
      keys,
      next: last ? cursorAfter([last.group, last.topic, last.key]) : null,
      summary: summary.map((error) => ({ ...error, since: error.since.toISOString() })),
    };
  }

  async retry({ by, ...filters }: RetryParked): Promise<RetriedKeys> {
    const { database, logger } = this.options;
    await this.group(filters.group);
    const log = (keys: number) =>
      logger.info({ ...filters, by, keys, code: 'events_retried' }, 'an administrator retried parked events');
    if (filters.key === undefined) {
      const { keys, unreadable } = await retryMatching(database, database.schema, filters);
      log(keys);
      return { keys, unreadable, key: null };
    }
    const queue = await this.queue(filters.group, filters.key, filters.topic);
    const row = await retry(database, database.schema, queue);
    log(1);
    return { keys: 1, unreadable: 0, key: change(row, queue) };
  }

  async skip({ group, key, topic, by }: SkipParked): Promise<ParkedKeyChange> {
    const { database, logger } = this.options;
    await this.group(group);
    const queue = await this.queue(group, key, topic);
    const row = await skip(database, database.schema, queue, by);
    logger.info(
      { group, by, key: row.key, sequence: row.sequence, code: 'event_skipped' },
      'an administrator skipped a parked event',
    );
    return change(row, queue);
  }

  async replay({ group, topic, from, key, by }: ReplayEvents): Promise<ReplayedEvents> {
    const { database, source, logger } = this.options;
    const range = { topic: topicNamed(topic), from: from === undefined ? undefined : new Date(from), key };
    const queued = await replay(database, source, await this.group(group), range);
    logger.info({ group, topic, from, key, by, queued, code: 'events_replayed' }, 'an administrator replayed events');
    return { queued };
  }

  private groups(): Promise<GroupState[]> {
    const { database } = this.options;
    return groupsOf(database, database.schema);
  }

  private async consumers({ group, topics }: GroupState): Promise<EventBusState['consumers']> {
    const { database } = this.options;
    const lag = await this.lag(group, topics);
    const errors = await parkedErrors(database, database.schema, { group });
    return topics.map((topic) => {
      const parked = errors.filter((error) => error.topic === topic);
      const sum = (count: 'keys' | 'deadKeys' | 'events') => parked.reduce((total, error) => total + error[count], 0);
      return {
        group,
        topic,
        lag: lag && (lag.get(topic) ?? 0),
        parkedKeys: sum('keys'),
        deadKeys: sum('deadKeys'),
        parkedEvents: sum('events'),
      };
    });
  }

  private async lag(group: string, topics: readonly string[]): Promise<ReadonlyMap<string, number> | null> {
    const { source, database, logger } = this.options;
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${LAG_LIMIT_MS} ms`)), LAG_LIMIT_MS);
    });
    try {
      return await Promise.race([source.lag(database.schema, group, topics), limit]);
    } catch (error) {
      logger.warn({ err: error, group, code: 'lag_unknown' }, 'the lag of a consumer group cannot be read');
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  private async group(name: string): Promise<GroupState> {
    const groups = await this.groups();
    const found = groups.find((g) => g.group === name);
    if (found) return found;
    const names = groups.map((g) => g.group);
    throw new Problem(
      'group_unknown',
      `This service has no consumer group "${name}". It has: ${names.join(', ') || 'none yet'}.`,
      undefined,
      { group: name, groups: names },
    );
  }

  private async queue(group: string, key: string, topic: string | undefined): Promise<ParkedQueue> {
    const { database } = this.options;
    const [queue, ...others] = await parkedQueues(database, database.schema, { group, topic, key });
    if (!queue)
      throw new Problem('key_not_parked', `Nothing of "${key}" is parked for ${group}.`, undefined, { group, key });
    if (others.length === 0) return queue;
    const matches = [queue, ...others].map((q) => `${q.topic} ${q.key}`);
    throw new Problem(
      'key_ambiguous',
      `"${key}" is parked more than once for ${group}: ${matches.join(', ')}. Name the topic and the whole key.`,
      undefined,
      { group, key, matches },
    );
  }
}

function topicNamed(name: string): Topic {
  const topic = topics.find((t) => t === name);
  if (topic) return topic;
  throw new Problem('invalid_request', `There is no topic "${name}". Topics are ${topics.join(', ')}.`, undefined, {
    topic: name,
    topics,
  });
}

const isOf = ({ key }: Delivery, wanted: string): boolean => key === wanted || (key?.endsWith(`:${wanted}`) ?? false);

const published = (topic: Topic, { partition, position, key, event, unreadable }: Delivery): PublishedEvent => ({
  topic,
  partition,
  position,
  key: key ?? '',
  event,
  fault: unreadable?.reason ?? null,
});

const parkedKey = (queue: ParkedQueue): ParkedKey => ({
  group: queue.consumer_group,
  topic: queue.topic,
  key: queue.key,
  sequence: Number(queue.sequence),
  type: queue.event?.type ?? null,
  state: queue.state,
  attempts: queue.attempts,
  error: queue.error,
  events: queue.length,
  nextAttempt: queue.state === 'dead' ? null : queue.next_at.toISOString(),
  parkedAt: queue.parked_at.toISOString(),
});

const change = (
  row: ParkedQueue | { topic: string; key: string; sequence: string; position: string },
  queue: ParkedQueue,
): ParkedKeyChange => ({
  topic: row.topic,
  key: row.key,
  sequence: Number(row.sequence),
  position: row.position,
  behind: queue.length - 1,
});

const cursorAfter = (after: ParkedAfter): string => Buffer.from(JSON.stringify(after)).toString('base64url');

function parseCursor(cursor: string): ParkedAfter {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(parts) && parts.length === 3 && parts.every((part) => typeof part === 'string'))
      return parts as unknown as ParkedAfter;
  } catch {
    // Answered below.
  }
  throw new Problem('invalid_request', 'The cursor is not one that this service has answered.');
}
