import { EXIT, instant, option, positive, preset, table, time } from '#command-line';
import type { AuditEvent } from '#contracts';
import { command, anyOwner, MORE, part, target } from '../services.js';
import { refusalSentence } from './sentences.js';
import { accountOf } from '../accounts/person.js';

interface Line {
  readonly at: string;
  readonly what: string;
  readonly who: string | null;
  readonly code: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

export const audit = command({
  usage: 'audit [person]',
  summary: 'show the sign-ins, refused sign-ins and settings changes of a tenant or a person, newest first',
  examples: ['audit --since 2026-11-30T00:00:00Z', 'audit ada@example.com', 'audit --event login_refused --json'],
  options: {
    event: option('--event <event>', 'only this kind of sign-in event, e.g. login, login_refused, exchange_refused'),
    since: option('--since <time>', 'only entries at or after this instant (RFC 3339)', time),
    limit: preset('--limit <n>', 'at most this many', positive, 50),
  },
  run: async (call) => {
    const { flags, args, screen, typed } = call;
    const { event, since, limit } = flags;
    const { services, tenant, about } = await target(call, anyOwner);
    const account = args[0] === undefined ? undefined : await accountOf(call, services, tenant, args[0]);
    const page = Math.min(limit, 500);
    const query = { limit: page, account, event: event as AuditEvent | undefined, since };
    const signIns = await part(() => services.auth().audit(tenant.id, query));
    const withChanges = account === undefined && event === undefined;
    const changes = withChanges ? await part(() => services.hub().audit(tenant.slug, { limit: page })) : undefined;
    const lines: Line[] = [
      ...(signIns.value?.entries ?? []).map((e) => ({
        at: e.at,
        what: e.event,
        who: e.account ?? (typeof e.detail.by === 'string' ? e.detail.by : null),
        code: e.code,
        detail: e.detail,
      })),
      ...(changes?.value?.entries ?? []).map((e) => ({
        at: e.at,
        what: e.action,
        who: e.by,
        code: e.changed.join(', ') || null,
        detail: { version: e.version, ...e.detail },
      })),
    ]
      .filter(({ at }) => since === undefined || Date.parse(at) >= Date.parse(since))
      .sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
    const shown = lines.slice(0, limit);
    const found = table(screen, shown, [
      { head: 'AT', cell: (l) => instant(l.at) },
      { head: 'WHAT', cell: (l) => l.what, colour: (l) => (l.what.endsWith('_refused') ? 'red' : undefined) },
      { head: 'WHO', cell: (l) => l.who, shrink: 3 },
      { head: 'CODE', cell: (l) => refusalSentence(l.code, typed), shrink: 1 },
      { head: 'DETAIL', cell: (l) => (Object.keys(l.detail).length > 0 ? JSON.stringify(l.detail) : null), shrink: 4 },
    ]);
    const unknown = [signIns, changes].flatMap((p) =>
      p?.problem === undefined ? [] : [`Not known: ${p.problem.message}`],
    );
    const more = lines.length > limit || signIns.value?.next != null || changes?.value?.next != null;
    const body = shown.length === 0 ? 'Nothing is recorded.' : found + (more ? MORE : '');
    return {
      text: about([body, ...unknown].join('\n\n')),
      json: { tenant: tenant.slug, entries: shown, unknown },
      ...(unknown.length > 0 && { exitCode: EXIT.unavailable }),
    };
  },
});
