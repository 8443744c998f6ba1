import { setTimeout as sleep } from 'node:timers/promises';
import type {
  EventBusState,
  EventKeyQuery,
  EventKeyState,
  HandledKey,
  ParkedKey,
  ParkedKeyChange,
  ParkedPage,
  ParkedQuery,
  ProblemCode,
  ProblemParameters,
  PublishedEvent,
  ReplayedEvents,
  ReplayEvents,
  RetriedKeys,
  RetryParked,
  SkipParked,
} from '#contracts';
import { topics, type Topic } from '#events';
import { CURSOR_TEXT, pageOf, parseCursor, Problem, type Database, type Logger } from '#platform';
import { deferredByTopic } from '../consumer/deferred.sql.js';
import type { Delivery } from '../record.js';
import { ReadRefused, type EventSource } from '../source.js';
import { replay, retry, skip } from './actions.js';
import {
  groupsOf,
  handledKeys,
  outboxOf,
  parkedErrors,
  parkedKeys,
  retryMatching,
  type GroupState,
} from './inspect.sql.js';

/**
 * Time limit for reading the lag. When it expires, the lag is reported as unknown, so that an administrator sees the
 * other figures while the carrier is down.
 */
const LAG_LIMIT_MS = 5_000;
const KEYS_PER_PAGE = 50;
const EVENTS_OF_A_KEY = 200;

export class EventAdmin {
  private readonly schema: string;

  constructor(
    private readonly database: Database,
    private readonly carrier: EventBusState['carrier'],
    private readonly source: EventSource,
    private readonly logger: Logger,
  ) {
    this.schema = database.schema;
  }

  async state(): Promise<EventBusState> {
    const outbox = await outboxOf(this.database, this.schema);
    const groups = await groupsOf(this.database, this.schema);
    return {
      carrier: this.carrier,
      outbox: outbox ? { depth: outbox.depth, oldestSeconds: Math.floor(outbox.oldestSeconds) } : null,
      consumers: (await Promise.all(groups.map((group) => this.consumersOf(group)))).flat(),
    };
  }

  async key(key: string, { topic, from, limit = EVENTS_OF_A_KEY }: EventKeyQuery): Promise<EventKeyState> {
    const range = { from: dateOf(from), ...(key.includes(':') && { key }) };
    const events: PublishedEvent[] = [];
    for (const one of topic === undefined ? topics : [topicNamed(topic)])
      await this.source
        .read({ topic: one, ...range }, (page) => {
          events.push(...page.filter((delivery) => isOf(delivery, key)).map((delivery) => published(one, delivery)));
          return Promise.resolve();
        })
        .catch((error: unknown) => {
          // The command line asks every service, so a service that may read the topic answers for it.
          if (!(error instanceof ReadRefused)) throw error;
        });
    const keys = [...new Set(events.map((event) => event.key))];
    const handled: HandledKey[] = [];
    for (const group of await groupsOf(this.database, this.schema))
      handled.push(...(await handledKeys(this.database, group, keys)));
    return { events: events.slice(-limit), omitted: Math.max(0, events.length - limit), handled };
  }

  async parked({ limit = KEYS_PER_PAGE, cursor, ...match }: ParkedQuery): Promise<ParkedPage> {
    const groups = await groupsOf(this.database, this.schema);
    if (groups.length === 0) return { keys: [], next: null, summary: [] };
    const after = cursor === undefined ? undefined : parseCursor(cursor, CURSOR_TEXT, CURSOR_TEXT, CURSOR_TEXT);
    const found = await parkedKeys(this.database, this.schema, match, { after, limit: limit + 1 });
    const { page: keys, next } = pageOf(found, limit, ({ group, topic, key }) => [group, topic, key]);
    return { keys, next, summary: await parkedErrors(this.database, this.schema, match) };
  }

  async retry({ by, ...match }: RetryParked): Promise<RetriedKeys> {
    await this.groupNamed(match.group);
    const result =
      match.key === undefined
        ? { ...(await retryMatching(this.database, this.schema, match)), key: null }
        : { keys: 1, unreadable: 0, key: await this.retryKey(match.group, match.key, match.topic) };
    this.logger.info(
      { ...match, by, keys: result.keys, code: 'events_retried' },
      'an administrator requested a retry of parked events',
    );
    return result;
  }

  async skip({ group, key, topic, by }: SkipParked): Promise<ParkedKeyChange> {
    await this.groupNamed(group);
    const parked = await this.parkedKey(group, key, topic);
    const skipped = changeOf(parked, await skip(this.database, this.schema, parked, by));
    this.logger.info({ ...skipped, group, by, code: 'event_skipped' }, 'an administrator skipped a parked event');
    return skipped;
  }

  async replay({ group, topic, from, key, by }: ReplayEvents): Promise<ReplayedEvents> {
    const range = { topic: topicNamed(topic), from: dateOf(from), key };
    const queued = await replay(this.database, this.source, await this.groupNamed(group), range);
    this.logger.info(
      { group, topic, from, key, by, queued, code: 'events_replayed' },
      'an administrator requested a replay of events',
    );
    return { queued };
  }

  private async consumersOf({ group, topics }: GroupState): Promise<EventBusState['consumers']> {
    const lag = await this.lag(group, topics);
    const deferred = await deferredByTopic(this.database, this.schema, group);
    const errors = await parkedErrors(this.database, this.schema, { group });
    return topics.map((topic) => {
      const sum = (count: 'keys' | 'deadKeys' | 'events') =>
        errors.filter((error) => error.topic === topic).reduce((total, error) => total + error[count], 0);
      return {
        group,
        topic,
        lag: lag && (lag.get(topic) ?? 0) + (deferred.find((one) => one.topic === topic)?.deferred ?? 0),
        parkedKeys: sum('keys'),
        deadKeys: sum('deadKeys'),
        parkedEvents: sum('events'),
      };
    });
  }

  private async lag(group: string, topics: readonly string[]): Promise<ReadonlyMap<string, number> | null> {
    const unknown = (error?: unknown): null => {
      this.logger.warn(
        { err: error, group, code: 'lag_unknown' },
        'cannot read the lag of a consumer group from the carrier; it is reported as unknown',
      );
      return null;
    };
    const ended = new AbortController();
    const limit = sleep(LAG_LIMIT_MS, undefined, { signal: ended.signal }).then(unknown, () => null);
    const lag = this.source.lag(this.schema, group, topics).catch(unknown);
    return Promise.race([lag, limit]).finally(() => ended.abort());
  }

  private async retryKey(group: string, key: string, topic: string | undefined): Promise<ParkedKeyChange> {
    const parked = await this.parkedKey(group, key, topic);
    return changeOf(parked, await retry(this.database, this.schema, parked));
  }

  private async groupNamed(name: string): Promise<GroupState> {
    const groups = await groupsOf(this.database, this.schema);
    const found = groups.find(({ group }) => group === name);
    if (found) return found;
    const names = groups.map(({ group }) => group);
    return refuse(
      'group_unknown',
      `This service has no consumer group "${name}". Its groups are: ${names.join(', ') || 'none yet'}.`,
      { group: name, groups: names },
    );
  }

  private async parkedKey(group: string, key: string, topic: string | undefined): Promise<ParkedKey> {
    const match = { group, key, ...(topic !== undefined && { topic }) };
    const [parked, ...others] = await parkedKeys(this.database, this.schema, match);
    if (!parked) return refuse('key_not_parked', `No event of "${key}" is parked for ${group}.`, { group, key });
    if (others.length === 0) return parked;
    const matches = [parked, ...others].map((p) => `${p.topic} ${p.key}`);
    return refuse(
      'key_ambiguous',
      `"${key}" is parked more than once for ${group}: ${matches.join(', ')}. Name the topic and the whole key.`,
      { group, key, matches },
    );
  }
}

function refuse(code: ProblemCode, detail: string, parameters?: ProblemParameters): never {
  throw new Problem(code, detail, undefined, parameters);
}

const dateOf = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

const topicNamed = (name: string): Topic =>
  topics.find((topic) => topic === name) ??
  refuse('invalid_request', `There is no topic "${name}". Topics are ${topics.join(', ')}.`, { topic: name, topics });

const isOf = ({ key }: Delivery, wanted: string): boolean => key === wanted || (key?.endsWith(`:${wanted}`) ?? false);

const published = (topic: Topic, { partition, position, key, event, unreadable }: Delivery): PublishedEvent => ({
  topic,
  partition,
  position,
  key: key ?? '',
  event,
  fault: unreadable?.reason ?? null,
});

const changeOf = ({ topic, key, events }: ParkedKey, row: { sequence: string; position: string }): ParkedKeyChange => ({
  topic,
  key,
  sequence: Number(row.sequence),
  position: row.position,
  behind: events - 1,
});
