/** `stackflow requests`: what Okta sent over SCIM, and what the gateway answered. */
import { flag, instant, option, positive, preset, table, time } from '#command-line';
import type { Json, ScimRequestView } from '#contracts';
import { command, MORE, take, target } from '../services.js';
import { accountOf } from '../accounts/person.js';

type Request = Json<ScimRequestView>;

export const requests = command({
  usage: 'requests [person]',
  summary: 'the SCIM requests that Okta sent, newest first; of a tenant or about one person',
  examples: ['requests --failed', 'requests ada@example.com'],
  options: {
    failed: flag('--failed', 'only those that were refused (status 400 or more)'),
    since: option('--since <time>', 'not before this instant (RFC 3339)', time),
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
    const none = `Okta has sent nothing that is like this. A request with a wrong token is not listed: its tenant is not known.`;
    const body = items.length === 0 ? none : found + (more ? MORE : '');
    return { text: about(body), json: items };
  },
});

/** The sentence that Okta's administrator sees under Dashboard -> Tasks, or what was left out. */
export const note = ({ detail, leftOutCount, delivered }: Request): string | null =>
  detail ??
  (leftOutCount > 0
    ? `${leftOutCount} members were left out: there are no such users`
    : delivered
      ? null
      : 'the connection ended before the answer was complete');
