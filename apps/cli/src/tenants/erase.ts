/** `tenants erase`: erases everything of a tenant, in the order in which the services depend on each other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { audited, fields, instant, lineFrom, operator, option, Refusal, type AnyCommand } from '#command-line';
import type { Json, TenantErasure } from '#contracts';
import { ErasureClient } from '#contracts/clients';
import { command, findTenant, Services, type ServiceName } from '../services.js';

type Erasure = Json<TenantErasure>;
type State = Erasure['state'];

const POLL_MS = 1_000;

/** People are deleted first. The services that close their access follow, and then the one that signs people in. */
const STAGES: readonly (readonly ServiceName[])[] = [
  ['scim-gateway'],
  ['deactivation-worker', 'identity-service'],
  ['auth-service'],
];

const WAITS: Readonly<Record<NonNullable<Erasure['waitsFor']>, string>> = {
  requests: 'waits until requests from before SCIM was switched off have ended',
  people: 'waits until everybody is deleted',
  access: 'waits until nobody has access',
  accounts: 'waits until the users are deleted in Cognito',
  events: 'waits until its events are published',
};

const describe = ({ state, waitsFor, rows }: Erasure): string =>
  state === 'done'
    ? `erased, ${rows} rows`
    : state === 'erasing'
      ? `erases rows, ${rows} so far`
      : waitsFor === null
        ? 'begins'
        : WAITS[waitsFor];

const REMAINS = `What stays: the record of this erasure (slug, times, who requested it), and for each person the event that
they have no access, with ids only. Published events with names stay until EVENT_RETENTION_DAYS. Backups are yours to delete.`;

const erase = command({
  usage: 'erase <slug>',
  summary: 'erase everything of a tenant in every service, for ever; SCIM must be off',
  examples: ['tenants erase acme --yes acme'],
  options: { ...audited, yes: option('--yes <slug>', 'the slug again, instead of typing it when asked') },
  run: async (call) => {
    const [name = ''] = call.args;
    const by = operator(call);
    const services = await Services.of(call);
    const hub = services.hub();
    const { id, slug } = await findTenant(hub, name);
    if (call.flags.yes === undefined)
      call.note(
        `This erases all people, groups, settings and secrets of "${slug}" for ever. Type the slug to continue:`,
      );
    const typed = call.flags.yes ?? (await lineFrom(call.stdin));
    if (typed !== slug) throw new Refusal(`Nothing was erased: "${typed}" is not the slug "${slug}".`);

    await hub.startErasure(slug, by);
    const client = (service: ServiceName): ErasureClient => new ErasureClient(services.client(service));
    const seen = new Map<string, string>();
    const until = async (service: ServiceName, states: readonly State[]): Promise<Erasure> => {
      for (;;) {
        const erasure = await client(service).progress(id);
        const text = describe(erasure);
        if (seen.get(service) !== text) call.note(`${service}: ${text}`);
        seen.set(service, text);
        if (states.includes(erasure.state)) return erasure;
        await sleep(POLL_MS);
      }
    };
    let people: number | undefined;
    for (const stage of STAGES) {
      for (const service of stage) await client(service).start(id, { by, ...(people !== undefined && { people }) });
      for (const service of stage) people = (await until(service, ['erasing', 'done'])).people ?? people;
    }
    const done: Record<string, Erasure> = {};
    for (const service of STAGES.flat()) done[service] = await until(service, ['done']);
    const last = await hub.finishErasure(slug, by);
    done['integration-hub'] = last;
    const rows = Object.entries(done).map(([service, erasure]): [string, string] => [service, describe(erasure)]);
    const text = `Tenant "${slug}" with ${people ?? 0} people is erased since ${instant(last.finishedAt)}; the slug can be used again.\n\n${fields(rows, '  ')}\n\n${REMAINS}`;
    return { text, json: { tenant: id, slug, by, people: people ?? 0, services: done } };
  },
});

export const erasing: readonly AnyCommand[] = [erase];
