/** `npm run events -- list | show | parked | retry | skip | replay`: the operator's view of the bus. */
import { topics, type Topic } from '#events';
import { Database, isDatabaseOutage, Problem } from '#platform';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { replay, retry, skip } from './admin/actions.js';
import { inboxOf, parkedQueues, type GroupState, type ParkedQueue } from './admin/inspect.sql.js';
import { describeList, describeParked, describeShow, type ListView, type ShowView } from './cli/output.js';
import { groups, outboxes, sourceFor } from './cli/schemas.js';
import type { EventSource } from './source.js';

/** A refusal that tells the operator what to do. */
export class EventsError extends Error {}

export interface EventsTarget {
  /** Postgres as administrator: sees every schema. */
  readonly postgres: string;
  readonly carrier: 'postgres' | 'kafka';
  readonly brokers?: readonly string[];
  readonly topicPrefix?: string;
}

export interface EventsCommandOptions {
  /** Asked once a command really runs, so that `--help` needs no stack. May throw {@link EventsError}. */
  target(): EventsTarget;
  readonly out?: (text: string) => void;
  readonly err?: (text: string) => void;
  /** Who skips, for the record. */
  readonly operator?: string;
}

interface Session {
  readonly database: Database;
  readonly source: EventSource;
}

/** Runs one command line; returns the exit code: 0 done, 1 refused, 2 wrong usage, 69 a needed neighbour is away. */
export async function runEvents(args: readonly string[], options: EventsCommandOptions): Promise<number> {
  const err = options.err ?? ((text) => void process.stderr.write(text));
  try {
    await eventsCommand(options).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof EventsError || error instanceof Problem) err(`${error.message}\n`);
    else if (isDatabaseOutage(error))
      err(`Postgres does not answer: ${(error as Error).message}. Is the stack running? "npm start" starts it.\n`);
    else if (error instanceof Error && error.name.startsWith('KafkaJS'))
      err(`Kafka does not answer as expected: ${error.message}\n`);
    else throw error;
    return error instanceof EventsError || error instanceof Problem ? 1 : 69;
  }
}

export function eventsCommand(options: EventsCommandOptions): Command {
  const out = options.out ?? ((text) => void process.stdout.write(text));
  const err = options.err ?? ((text) => void process.stderr.write(text));
  const program = new Command('events')
    .description('Published events, who has consumed them, and what is parked.')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err })
    .showHelpAfterError('(--help shows all commands)');

  const command = (usage: string, summary: string): Command => {
    const sub = program.command(usage).description(summary).option('--json', 'print JSON');
    sub.copyInheritedSettings(program);
    return sub;
  };
  const print = (sub: Command, json: unknown, text: string) =>
    out(`${sub.opts<{ json?: boolean }>().json ? JSON.stringify(json, null, 2) : text}\n`);

  const list = command('list', 'outboxes, consumer groups, their lag, parked keys').action(() =>
    inSession(options, async (session) => {
      const view = await listView(session);
      print(list, view, describeList(view));
    }),
  );
  const show = command(
    'show <key>',
    'published events of a key ("tenant:subject", or the id of its subject), and where each group is with it',
  )
    .option('--topic <topic>', 'only this topic', parseTopic)
    .option('--from <time>', 'not before this instant (RFC 3339)', parseTime)
    .action((key: string, flags: { topic?: Topic; from?: Date }) =>
      inSession(options, async (session) => {
        const view = await showView(session, key, flags);
        print(show, view, describeShow(view));
      }),
    );
  const parked = command('parked', 'keys that wait because one of their events failed').action(() =>
    inSession(options, async (session) => {
      const queues = await allQueues(session.database);
      print(parked, queues.map(jsonQueue), describeParked(queues));
    }),
  );
  const retryCommand = command(
    'retry <group> <key>',
    'try the failed event of a parked key again now, then what waits behind it',
  ).action((group: string, key: string) =>
    inSession(options, async ({ database }) => {
      const { state, queue } = await findQueue(database, group, key);
      const row = await retry(database, state.schema, queue);
      print(
        retryCommand,
        { group, key: row.key, sequence: Number(row.sequence) },
        `${row.key}: event ${row.sequence} will be tried again within a second, and then the ${queue.length - 1} behind it.`,
      );
    }),
  );
  const skipCommand = command(
    'skip <group> <key>',
    'give up the first parked event of a key; it is kept in skipped_event',
  ).action((group: string, key: string) =>
    inSession(options, async ({ database }) => {
      const { state, queue } = await findQueue(database, group, key);
      const row = await skip(database, state.schema, queue, options.operator ?? 'events-cli');
      print(
        skipCommand,
        { group, key: row.key, sequence: Number(row.sequence), position: row.position },
        `${row.key}: event ${row.sequence} is skipped and kept in ${state.schema}.skipped_event; ${queue.length - 1} behind it go on.`,
      );
    }),
  );
  const replayCommand = command('replay', 'deliver once more, in order, what a group has already consumed')
    .requiredOption('--group <group>', 'consumer group')
    .requiredOption('--topic <topic>', `one of ${topics.join(', ')}`, parseTopic)
    .option('--from <time>', 'published at or after this instant (RFC 3339)', parseTime)
    .option('--key <key>', 'only this key ("tenant:subject")')
    .action((flags: { group: string; topic: Topic; from?: Date; key?: string }) =>
      inSession(options, async ({ database, source }) => {
        const queued = await replay(database, source, await findGroup(database, flags.group), flags);
        print(
          replayCommand,
          { group: flags.group, topic: flags.topic, queued },
          `${queued} events are queued for ${flags.group}; consumers go on meanwhile, new events of a key wait behind its replay.`,
        );
      }),
    );
  return program;
}

async function inSession(options: EventsCommandOptions, work: (session: Session) => Promise<void>): Promise<void> {
  const target = options.target();
  if (target.carrier === 'kafka' && !target.brokers?.length)
    throw new EventsError('The carrier is Kafka, but no broker is known: set KAFKA_BROKERS.');
  const database = await Database.connect({
    url: target.postgres,
    schema: 'public',
    poolSize: 2,
    applicationName: 'events-cli',
  });
  try {
    const source = sourceFor(target.carrier, target.brokers ?? [], target.topicPrefix, database);
    await work({ database, source });
  } finally {
    await database.close();
  }
}

async function listView({ database, source }: Session): Promise<ListView> {
  const consumers = [];
  for (const state of await groups(database)) {
    const lag = await source.lag(state.schema, state.group, state.topics);
    const queues = await parkedQueues(database, state.schema, { group: state.group });
    for (const topic of state.topics) {
      const own = queues.filter((q) => q.topic === topic);
      consumers.push({
        group: state.group,
        schema: state.schema,
        topic,
        lag: lag.get(topic) ?? 0,
        parkedKeys: own.length,
        deadKeys: own.filter((q) => q.state === 'dead').length,
        parkedEvents: own.reduce((n, q) => n + q.length, 0),
      });
    }
  }
  return { topics, outboxes: await outboxes(database), consumers };
}

async function showView(
  { database, source }: Session,
  key: string,
  flags: { topic?: Topic; from?: Date },
): Promise<ShowView> {
  const matches = (k: string | null) => k === key || (k?.endsWith(`:${key}`) ?? false);
  const events: ShowView['events'][number][] = [];
  for (const topic of flags.topic ? [flags.topic] : topics)
    await source.read({ topic, ...(flags.from && { from: flags.from }), ...(key.includes(':') && { key }) }, (page) => {
      for (const d of page)
        if (matches(d.key))
          events.push({
            topic,
            partition: d.partition,
            position: d.position,
            key: d.key ?? '',
            event: d.event,
            fault: d.unreadable?.reason ?? null,
          });
      return Promise.resolve();
    });
  if (events.length === 0)
    throw new EventsError(
      `No event of "${key}" is in the log. A key is "tenant:subject"; the id of a user, group, account or tenant will do.`,
    );
  const consumers = [];
  for (const state of await groups(database))
    for (const full of new Set(events.map((e) => e.key)))
      for (const row of await inboxOf(database, state, [full]))
        consumers.push({
          group: state.group,
          topic: row.topic,
          key: row.key,
          sequence: Number(row.sequence),
          at: row.handled_at.toISOString(),
        });
  return { events, consumers };
}

async function allQueues(database: Database): Promise<ParkedQueue[]> {
  const queues: ParkedQueue[] = [];
  for (const state of await groups(database))
    queues.push(...(await parkedQueues(database, state.schema, { group: state.group })));
  return queues;
}

const jsonQueue = ({
  consumer_group,
  topic,
  key,
  sequence,
  state,
  attempts,
  error,
  next_at,
  parked_at,
  length,
  event,
}: ParkedQueue) => ({
  group: consumer_group,
  topic,
  key,
  sequence: Number(sequence),
  type: event?.type ?? null,
  state,
  attempts,
  error,
  events: length,
  nextAttempt: state === 'dead' ? null : next_at,
  parkedAt: parked_at,
});

async function findGroup(database: Database, group: string): Promise<GroupState> {
  const all = await groups(database);
  const state = all.find((g) => g.group === group);
  if (!state)
    throw new EventsError(
      `There is no consumer group "${group}". Known groups: ${all.map((g) => g.group).join(', ') || 'none yet'}.`,
    );
  return state;
}

async function findQueue(
  database: Database,
  group: string,
  key: string,
): Promise<{ state: GroupState; queue: ParkedQueue }> {
  const state = await findGroup(database, group);
  const queues = await parkedQueues(database, state.schema, { group: state.group });
  const found = queues.filter((q) => q.key === key || q.key.endsWith(`:${key}`));
  const [queue] = found;
  if (!queue)
    throw new EventsError(
      `Nothing of "${key}" is parked for ${group}. Parked: ${queues.map((q) => q.key).join(', ') || 'nothing'}.`,
    );
  if (found.length > 1)
    throw new EventsError(
      `"${key}" is parked more than once (${found.map((q) => `${q.topic} ${q.key}`).join(', ')}); begin with the one that you mean: it must be unique.`,
    );
  return { state, queue };
}

function parseTopic(value: string): Topic {
  const topic = topics.find((t) => t === value);
  if (!topic) throw new InvalidArgumentError(`topics are ${topics.join(', ')}.`);
  return topic;
}

function parseTime(value: string): Date {
  const time = new Date(value);
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('an instant looks like 2026-11-24T08:00:00Z.');
  return time;
}
