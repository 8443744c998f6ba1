/** `stackflow requests`: shows the SCIM requests that Okta sent, and the answers of scim-gateway. */
import { instant, positive, table, time, type CommandSpec } from '#command-line';
import type { Json, ScimRequestView } from '#contracts';
import { aboutTenant, findTenant, MORE, Services, take, type TargetFlags } from '../services.js';
import { accountOf } from './person.js';

interface Flags extends TargetFlags {
  readonly failed?: boolean;
  readonly since?: string;
  readonly limit: number;
}

type Request = Json<ScimRequestView>;

export const requests: CommandSpec<Flags> = {
  usage: 'requests [person]',
  summary: 'show the SCIM requests that Okta sent for a tenant or about one person, newest first',
  examples: ['requests --failed', 'requests ada@example.com'],
  options: (command) =>
    command
      .option('--failed', 'only requests that were refused (status 400 or more)')
      .option('--since <time>', 'only requests at or after this instant (RFC 3339)', time)
      .option('--limit <n>', 'at most this many', positive, 50),
  run: async (call) => {
    const { flags, args, screen } = call;
    const services = await Services.of(call);
    const directory = services.directory();
    const tenant = await findTenant(directory, flags.tenant);
    const resourceId = args[0] === undefined ? undefined : await accountOf(call, services, tenant, args[0]);
    const { items, more } = await take(
      flags.limit,
      async (query) => {
        const { requests: found, nextCursor } = await directory.requests(tenant.id, {
          ...query,
          ...(resourceId !== undefined && { resourceId }),
          ...(flags.failed && { statusAtLeast: 400 }),
          ...(flags.since !== undefined && { since: flags.since }),
        });
        return { items: found, next: nextCursor };
      },
      500,
    );
    const columns = [
      { head: 'AT', cell: (r: Request) => instant(r.at) },
      { head: 'METHOD', cell: (r: Request) => r.method },
      { head: 'STATUS', cell: (r: Request) => r.status, colour: (r: Request) => (r.status >= 400 ? 'red' : 'green') },
      { head: 'MS', cell: (r: Request) => Math.round(r.durationMs) },
      { head: 'PATH', cell: (r: Request) => r.url, shrink: 3 },
      { head: 'ANSWER', cell: note, shrink: 2 },
      { head: 'REQUEST', cell: (r: Request) => r.id, shrink: 4 },
    ] as const;
    const none = `No request of Okta matches. Requests with a wrong token are never listed, because their tenant is not known.`;
    const body = items.length === 0 ? none : table(screen, columns, items) + (more ? MORE : '');
    return { text: aboutTenant(screen, tenant, flags, body), json: items };
  },
};

/**
 * Returns the error that Okta's administrator sees under Dashboard -> Tasks, or says what was not stored or not
 * delivered.
 */
export const note = ({ detail, leftOutCount, delivered }: Request): string | null =>
  detail ??
  (leftOutCount > 0
    ? `${leftOutCount} members were not stored, because no such users exist`
    : delivered
      ? null
      : 'the connection ended before the answer was complete');
