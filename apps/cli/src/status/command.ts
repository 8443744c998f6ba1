import { EXIT, positive, preset, table, type Screen, type Typed } from '#command-line';
import type { EventBusState } from '#contracts';
import { parked, states, type OfService } from '../events/buses.js';
import { command, anyTenants, findTenant, part, Services, type Tenant } from '../services.js';
import { healthOf, type ServiceHealth } from './health.js';

interface TenantState {
  readonly tenant: string;
  /** Null means that the value is not known. */
  readonly heldCases: number | null;
  readonly heldRoleLosses: number | null;
  readonly failingAccounts: number | null;
  readonly parkedKeys: number | null;
}

export const status = command({
  usage: 'status',
  summary:
    'show whether every service works, and what waits for an administrator; exits with 1 or 69 if something is wrong',
  options: { limit: preset('--limit <n>', 'at most this many tenants', positive, 50) },
  run: async (call) => {
    const { flags, screen, typed } = call;
    const services = await Services.of(call);
    const [health, buses, tenantList] = await Promise.all([
      Promise.all(services.all().map((service) => healthOf(services, service))),
      states(services),
      part(() => anyTenants(services)),
    ]);
    if (tenantList.problem?.exitCode === EXIT.config) throw tenantList.problem;
    const known = tenantList.value ?? [];
    const chosen =
      flags.tenant === undefined || tenantList.problem
        ? known
        : [await findTenant({ tenants: async () => known }, flags.tenant)];
    const shown = chosen.slice(0, flags.limit);
    const hasParked = buses.some(({ value }) => value?.consumers.some(({ parkedKeys }) => parkedKeys > 0));
    const tenants: TenantState[] = [];
    for (const tenant of shown) tenants.push(await stateOf(services, tenant, hasParked));
    const down = health.filter(({ ready }) => !ready);
    const waits = tenants.filter((t) => Object.values(t).some((count) => typeof count === 'number' && count > 0));
    const stuck = buses.filter(({ value }) => isStuck(value));
    const unknown = buses.filter(({ problem }) => problem !== undefined);
    const head =
      down.length > 0
        ? screen.paint('red', `Not ready: ${down.map(({ service }) => service).join(', ')}.`)
        : waits.length + stuck.length > 0
          ? screen.paint('yellow', 'Every service works; something waits for you.')
          : screen.paint(
              'green',
              unknown.length === 0 ? 'Every service works; nothing waits.' : 'Every service works.',
            );
    const more =
      chosen.length > shown.length
        ? `\n... and ${chosen.length - shown.length} more tenants; raise --limit to see them.`
        : '';
    const parts = [
      head,
      healthTable(screen, health, buses),
      tenantTable(screen, tenants) + more,
      nextSteps(tenants, stuck, typed),
      unknown.length === 0
        ? ''
        : `The events and consumer groups of these services are not known: ${unknown.map(({ service }) => service).join(', ')}.`,
    ];
    return {
      text: parts.filter((text) => text !== '').join('\n\n'),
      json: {
        services: health.map((each) => ({
          ...each,
          events: buses.find(({ service }) => service === each.service)?.value ?? null,
        })),
        tenants,
      },
      exitCode: down.length > 0 ? EXIT.unavailable : waits.length + stuck.length > 0 ? EXIT.refused : EXIT.ok,
    };
  },
});

const OUTBOX_LIMIT_SECONDS = 30;
const isStuck = (bus: EventBusState | undefined): boolean =>
  bus !== undefined &&
  ((bus.outbox?.oldestSeconds ?? 0) > OUTBOX_LIMIT_SECONDS || bus.consumers.some(({ parkedKeys }) => parkedKeys > 0));

async function stateOf(services: Services, { id, slug }: Tenant, hasParked: boolean): Promise<TenantState> {
  const [cases, losses, failing, keys] = await Promise.all([
    part(async () => (await services.offboarding().held(id, { limit: 1 })).total),
    part(async () => (await services.identity().heldRoleLosses(id)).length),
    part(async () => (await services.identity().accounts(id, { failing: true, limit: 1_000 })).accounts.length),
    part(async () => (hasParked ? await parkedKeys(services, id) : 0)),
  ]);
  return {
    tenant: slug,
    heldCases: cases.value ?? null,
    heldRoleLosses: losses.value ?? null,
    failingAccounts: failing.value ?? null,
    parkedKeys: keys.value ?? null,
  };
}

const parkedKeys = async (services: Services, tenant: string): Promise<number> =>
  (await parked(services, { tenant, limit: 1 }))
    .flatMap(({ value }) => value?.summary ?? [])
    .reduce((sum, { keys }) => sum + keys, 0);

function healthTable(
  screen: Screen,
  health: readonly ServiceHealth[],
  buses: readonly OfService<EventBusState>[],
): string {
  const rows = health.map((each) => ({ ...each, bus: buses.find(({ service }) => service === each.service)?.value }));
  type Row = (typeof rows)[number];
  const sum = ({ bus }: Row, count: (c: EventBusState['consumers'][number]) => number | null): number | string =>
    bus === undefined ? '-' : bus.consumers.reduce((total, each) => total + (count(each) ?? 0), 0);
  return table(screen, rows, [
    { head: 'SERVICE', cell: (r) => r.service },
    {
      head: 'HEALTH',
      cell: (r) => (r.ready ? 'ready' : r.problem),
      shrink: 1,
      colour: (r) => (r.ready ? 'green' : 'red'),
    },
    { head: 'VERSION', cell: (r) => r.version, shrink: 2 },
    {
      head: 'OUTBOX',
      cell: (r) =>
        r.bus?.outbox
          ? `${r.bus.outbox.depth}${r.bus.outbox.depth > 0 ? ` (${r.bus.outbox.oldestSeconds} s)` : ''}`
          : '-',
    },
    { head: 'LAG', cell: (r) => sum(r, (c) => c.lag) },
    {
      head: 'PARKED KEYS',
      cell: (r) => sum(r, (c) => c.parkedKeys),
      colour: (r) => (isStuck(r.bus) ? 'red' : undefined),
    },
  ]);
}

function tenantTable(screen: Screen, tenants: readonly TenantState[]): string {
  if (tenants.length === 0) return '';
  const count = (head: string, of: (t: TenantState) => number | null) => ({
    head,
    cell: (t: TenantState) => of(t) ?? 'unknown',
    colour: (t: TenantState) => (of(t) === 0 ? undefined : ('yellow' as const)),
  });
  return table(screen, tenants, [
    { head: 'TENANT', cell: (t) => t.tenant },
    count('HELD CASES', (t) => t.heldCases),
    count('HELD ROLE LOSSES', (t) => t.heldRoleLosses),
    count('FAILING ACCOUNTS', (t) => t.failingAccounts),
    count('PARKED KEYS', (t) => t.parkedKeys),
  ]);
}

function nextSteps(tenants: readonly TenantState[], stuck: readonly OfService<EventBusState>[], typed: Typed): string {
  const steps = tenants.flatMap((t) => [
    ...((t.heldCases ?? 0) + (t.heldRoleLosses ?? 0) > 0 ? [typed(`offboarding held --tenant ${t.tenant}`)] : []),
    ...((t.failingAccounts ?? 0) > 0 ? [typed(`accounts list --failing --tenant ${t.tenant}`)] : []),
  ]);
  if (stuck.length > 0) steps.push(typed('events parked'));
  return steps.length === 0 ? '' : `Look at:\n${steps.map((step) => `  ${step}`).join('\n')}`;
}
