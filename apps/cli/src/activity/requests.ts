import { flag, instant, option, positive, preset, table, time } from '#command-line';
import type { Json, ScimRequestView } from '#contracts';
import { command, MORE, take, target } from '../services.js';
import { accountOf } from '../accounts/person.js';

type Request = Json<ScimRequestView>;

export const requests = command({
  usage: 'requests [person]',
  summary: 'show the SCIM requests that Okta sent for a tenant or about one person, newest first',
  examples: ['requests --failed', 'requests ada@example.com'],
  options: {
    failed: flag('--failed', 'only requests that were refused (status 400 or more)'),
    since: option('--since <time>', 'only requests at or after this instant (RFC 3339)', time),
    limit: preset('--limit <n>', 'at most this many', positive, 50),
  },
  run: async (call) => {
    const { flags, args, screen } = call;
    const { services, client: directory, tenant, about } = await target(call, (s) => s.directory());
    const resourceId = args[0] === undefined ? undefined : await accountOf(call, services, tenant, args[0]);
    const { items, more } = await take(
      flags.limit,
      async (query) => {
        const filter = { resourceId, statusAtLeast: flags.failed ? 400 : undefined, since: flags.since };
        const { requests: found, nextCursor } = await directory.requests(tenant.id, { ...query, ...filter });
        return { items: found, next: nextCursor };
      },
      500,
    );
    const found = table(screen, items, [
      { head: 'AT', cell: (r) => instant(r.at) },
      { head: 'METHOD', cell: (r) => r.method },
      { head: 'STATUS', cell: (r) => r.status, colour: (r) => (r.status >= 400 ? 'red' : 'green') },
      { head: 'MS', cell: (r) => Math.round(r.durationMs) },
      { head: 'PATH', cell: (r) => r.url, shrink: 3 },
      { head: 'ANSWER', cell: note, shrink: 2 },
      { head: 'REQUEST', cell: (r) => r.id, shrink: 4 },
    ]);
    const none = `No request of Okta matches. Requests with a wrong token are never listed, because their tenant is not known.`;
    const body = items.length === 0 ? none : found + (more ? MORE : '');
    return { text: about(body), json: items };
  },
});

/** Returns the error that Okta shows under Dashboard -> Tasks. Without an error, says if members or the response were lost. */
export function note({ detail, leftOutCount, delivered, repeats }: Request): string | null {
  const about =
    detail ??
    (leftOutCount > 0
      ? `${leftOutCount} members were not stored, because no such users exist`
      : delivered
        ? null
        : 'the connection ended before the response was complete');
  if (repeats === 1) return about;
  return `${repeats} requests within a minute${about === null ? '' : `: ${about}`}`;
}
