/** Calls all services, because each one reports only its own outbox, consumer groups and parked events. */
import { EventBusClient } from '#contracts/clients';
import { EXIT, Refusal } from '#command-line';
import type { EventBusState, EventKeyState, ParkedPage, ParkedQuery } from '#contracts';
import { part, type Part, type Services } from '../services.js';

export interface Bus {
  readonly service: string;
  readonly client: EventBusClient;
}

/** A replay reads a whole topic, which can take minutes. */
const REPLAY_LIMIT_MS = 600_000;

export type OfService<T> = Part<T> & { readonly service: string };

const ofAll = <T>(services: Services, ask: (client: EventBusClient) => Promise<T>): Promise<OfService<T>[]> =>
  Promise.all(
    services.all().map(async (service) => ({
      service,
      ...(await part(async () => ask(new EventBusClient(services.client(service))))),
    })),
  );

export const states = (services: Services): Promise<OfService<EventBusState>[]> =>
  ofAll(services, (client) => client.state());

export const parked = (services: Services, query: ParkedQuery): Promise<OfService<ParkedPage>[]> =>
  ofAll(services, (client) => client.parked(query));

export const eventsOfKey = (
  services: Services,
  key: string,
  query: { topic?: string; from?: string; limit?: number },
): Promise<OfService<EventKeyState>[]> => ofAll(services, (client) => client.key(key, query));

/** Finds the service that owns the consumer group. */
export async function busOf(services: Services, group: string): Promise<Bus> {
  const all = await states(services);
  demandOne(all);
  const found = all.find(({ value }) => value?.consumers.some((consumer) => consumer.group === group));
  if (found)
    return { service: found.service, client: new EventBusClient(services.client(found.service, REPLAY_LIMIT_MS)) };
  const known = new Set(all.flatMap(({ value }) => value?.consumers.map((consumer) => consumer.group) ?? []));
  const away = all.filter(({ problem }) => problem !== undefined).map(({ service }) => service);
  const unknown =
    away.length === 0
      ? ''
      : ` The groups of these services are not known, because the services did not answer: ${away.join(', ')}.`;
  throw new Refusal(
    `There is no consumer group "${group}". Known groups: ${[...known].join(', ') || 'none yet'}.${unknown}`,
  );
}

/** Throws a {@link Refusal} if no service answers. */
export function demandOne(all: readonly OfService<unknown>[]): void {
  const [first] = all;
  if (first?.problem === undefined || all.some(({ value }) => value !== undefined)) return;
  throw new Refusal(
    `No service answers:\n${unknownLines(all)}`,
    all.every(({ problem }) => problem?.exitCode === EXIT.config) ? EXIT.config : EXIT.unavailable,
  );
}

export const unknownLines = (all: readonly OfService<unknown>[]): string =>
  all
    .flatMap(({ service, problem }) =>
      problem ? [`The events and consumer groups of ${service} are not known: ${problem.message}`] : [],
    )
    .join('\n');
