import {
  audited,
  flag,
  list as split,
  operator,
  option,
  positive,
  preset,
  Refusal,
  required,
  time,
  usage,
  UUID,
  type AnyCommand,
} from '#command-line';
import type { ParkedKey } from '#contracts';
import { command, anyOwner, anyTenants, findTenant, part, Services, type Tenant } from '../services.js';
import { busOf, demandOne, eventsOfKey, parked as parkedOf, states, unknownLines } from './buses.js';
import { describeKey, describeParked, describeStates, type NamedKey } from './text.js';

const list = command({
  usage: 'list',
  summary: 'list the outboxes, the consumer groups with their lag, and the parked keys',
  run: async (call) => {
    const all = await states(await Services.of(call));
    demandOne(all);
    const services = all.map(({ service, value, problem }) => ({ service, value, problem: problem?.message }));
    return { text: describeStates(call.screen, all), json: { services } };
  },
});

const show = command({
  usage: 'show <key>',
  summary:
    'show published events, and the last event that each group has handled; <key> is a user name, the id of a subject, or "tenant:subject"',
  examples: ['events show ada@example.com'],
  options: {
    topic: option('--topic <topic>', 'only this topic'),
    from: option('--from <time>', 'only events published at or after this instant (RFC 3339)', time),
    limit: preset('--limit <n>', 'show the newest events, at most this many', positive, 200),
  },
  run: async (call) => {
    const { flags, args, screen } = call;
    const { topic, from, limit } = flags;
    const services = await Services.of(call);
    const key = await keyOf(services, args[0] ?? '', flags.tenant);
    const all = await eventsOfKey(services, key, { limit: Math.min(limit, 1_000), topic, from });
    demandOne(all);
    const { events = [], omitted = 0 } = all.find(({ value }) => (value?.events.length ?? 0) > 0)?.value ?? {};
    if (events.length === 0)
      throw new Refusal(
        `No event of "${key}" is in the log. Give the user name of a person, the id of a user, group, account or tenant, or a key "tenant:subject".`,
      );
    const handled = all.flatMap(({ value }) => value?.handled ?? []);
    const text = [describeKey(screen, events, omitted, handled), unknownLines(all)].filter(Boolean).join('\n\n');
    return { text, json: { events, omitted, handled } };
  },
});

/** Returns a key or an id unchanged, and turns the user name of a person into the key of that person's events. */
async function keyOf(services: Services, text: string, tenant: string | undefined): Promise<string> {
  if (text.includes(':') || UUID.test(text)) return text;
  const identity = services.identity();
  const { id } = await findTenant(identity, tenant);
  const account = await identity.find(id, text);
  return account ? `${account.tenant}:${account.id}` : text;
}

const parked = command({
  usage: 'parked',
  summary: 'list the parked keys, and count them by error; without --tenant, the keys of all tenants',
  options: {
    group: option('--group <group>', 'only keys of this consumer group'),
    topic: option('--topic <topic>', 'only keys of this topic'),
    error: option('--error <text>', 'only keys whose error contains this text'),
    limit: preset('--limit <n>', 'at most this many keys of each service', positive, 20),
  },
  run: async (call) => {
    const { flags, screen, typed } = call;
    const services = await Services.of(call);
    const named = await part(() => anyTenants(services));
    if (named.problem && flags.tenant !== undefined) throw named.problem;
    const tenants = named.value ?? [];
    const { group, topic, error } = flags;
    const tenant =
      flags.tenant === undefined ? undefined : await findTenant({ tenants: async () => tenants }, flags.tenant);
    const limit = Math.min(flags.limit, 500);
    const all = await parkedOf(services, { limit, group, topic, error, tenant: tenant?.id });
    demandOne(all);
    const summary = all.flatMap(({ value }) => value?.summary ?? []).sort((a, b) => b.keys - a.keys);
    const keys = await Promise.all(
      all.flatMap(({ value }) => value?.keys ?? []).map((key) => withNames(services, tenants, key)),
    );
    const text = [describeParked(screen, summary, keys, typed), unknownLines(all)].filter(Boolean).join('\n\n');
    return { text, json: { summary, keys } };
  },
});

async function withNames(services: Services, tenants: readonly Tenant[], key: ParkedKey): Promise<NamedKey> {
  const [tenant = '', subject = ''] = key.key.split(':');
  const account = UUID.test(subject) ? await part(async () => services.identity().account(tenant, subject)) : undefined;
  const slug = tenants.find(({ id }) => id === tenant)?.slug ?? tenant;
  return { ...key, tenant: slug, person: account?.value?.userName ?? null };
}

const retry = command({
  usage: 'retry <group> [key]',
  summary:
    'try the failed event of a parked key again now, then the events behind it; options select many keys at once',
  examples: [
    'events retry identity-service ada@example.com',
    "events retry identity-service --error 'cannot map group'",
    'events retry identity-service --all',
  ],
  options: {
    ...audited,
    all: flag('--all', 'every parked key of the group'),
    error: option('--error <text>', 'every key whose error contains this text'),
    topic: option('--topic <topic>', 'only keys of this topic'),
  },
  run: async (call) => {
    const { flags, args, typed } = call;
    const [group = '', who] = args;
    const { topic, error, all, tenant } = flags;
    if (who === undefined && !all && error === undefined && topic === undefined && tenant === undefined)
      throw usage(
        `error: name a key, or select keys with --error, --topic, --tenant or --all. "${typed('events parked')}" shows them.`,
      );
    const services = await Services.of(call);
    const { client } = await busOf(services, group);
    const key = who === undefined ? undefined : await keyOf(services, who, tenant);
    const of = tenant === undefined || key !== undefined ? undefined : await findTenant(anyOwner(services), tenant);
    const json = await client.retry({ group, by: operator(call), key, topic, error, tenant: of?.id });
    const unreadable =
      json.unreadable === 0
        ? ''
        : ` The first records of ${json.unreadable} keys cannot be read; skip these records with "${typed('events skip')}".`;
    const text = json.key
      ? `${json.key.key}: event ${json.key.sequence} will be tried again within a second, and then the ${json.key.behind} events behind it.`
      : `${group}: the first events of ${json.keys} keys will be tried again within a second, and then the events behind them.${unreadable}`;
    return { text, json };
  },
});

const skip = command({
  usage: 'skip <group> <key>',
  summary: 'give up the first parked event of a key for this group; the event is kept in the table skipped_event',
  options: {
    ...audited,
    topic: option('--topic <topic>', 'topic of the event; needed if several topics have parked events of the key'),
  },
  run: async (call) => {
    const { flags, args } = call;
    const [group = '', who = ''] = args;
    const services = await Services.of(call);
    const { client } = await busOf(services, group);
    const key = await keyOf(services, who, flags.tenant);
    const json = await client.skip({ group, key, by: operator(call), topic: flags.topic });
    return {
      text: `${json.key}: event ${json.sequence} is skipped and kept in the table skipped_event. The ${json.behind} events behind it are handled next.`,
      json: { group, ...json },
    };
  },
});

const replay = command({
  usage: 'replay',
  summary: 'deliver events again, in their order, to a group that has already consumed them',
  examples: ['events replay --group reports --topic identity.accounts --from 2026-11-24T08:00:00Z'],
  options: {
    ...audited,
    group: required('--group <group>', 'consumer group'),
    topic: required('--topic <topics>', 'one topic, or several, separated by commas', split),
    from: option('--from <time>', 'only events published at or after this instant (RFC 3339)', time),
    key: option('--key <key>', 'only this person (user name) or key ("tenant:subject")'),
  },
  run: async (call) => {
    const { group, topic: topics, from, key: who, tenant } = call.flags;
    const by = operator(call);
    const services = await Services.of(call);
    const { client } = await busOf(services, group);
    const key = who === undefined ? undefined : await keyOf(services, who, tenant);
    let queued = 0;
    for (const topic of topics) queued += (await client.replay({ group, topic, by, from, key })).queued;
    return {
      text: `${queued} events are queued for ${group}; consumers keep running, and new events of a key wait until its replayed events are handled.`,
      json: { group, topics, queued },
    };
  },
});

export const events: readonly AnyCommand[] = [list, show, parked, retry, skip, replay];
