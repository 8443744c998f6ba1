import { instant, table, type AnyCommand } from '#command-line';
import { command, onApp } from './client.js';
import { deliveryLines } from './lines.js';

const list = command({
  usage: 'list',
  summary: 'list the people and groups in Okta',
  run: onApp(async (okta, slug, { screen, typed }) => {
    const [{ people }, { groups }] = [await okta.list(slug, 'people'), await okta.list(slug, 'groups')];
    const persons = table(screen, people, [
      { head: 'PERSON', cell: (p) => p.login, shrink: 1 },
      { head: 'STATUS', cell: (p) => p.status },
      { head: 'ASSIGNED', cell: (p) => (p.assigned ? 'assigned' : 'not assigned') },
      { head: 'ID AT THE SCIM SERVER', cell: (p) => p.remoteId, shrink: 2 },
    ]);
    const pushed = table(screen, groups, [
      { head: 'GROUP', cell: (g) => g.name },
      { head: 'PUSH', cell: (g) => (g.push ? `pushed, ${g.push.status}` : 'not pushed') },
      { head: 'MEMBERS', cell: (g) => g.members.join(' '), shrink: 1 },
    ]);
    const parts = [people.length > 0 ? persons : '', groups.length > 0 ? pushed : ''].filter(Boolean);
    const text = parts.join('\n\n') || `Nobody yet. Try: ${typed('assign anna.lee@example.com')}`;
    return { text, json: { people, groups } };
  }),
});

const tasks = command({
  usage: 'tasks',
  summary: "list the failed provisioning tasks (in Okta's console: Dashboard -> Tasks)",
  run: onApp(async (okta, app, { typed }) => {
    const { tasks: failed } = await okta.list(app, 'tasks');
    const lines = failed.map(
      (t) => `${instant(t.created_at)}  ${[t.verb, t.subject].join(' ').trim()}: ${t.detail ?? '(no reason given)'}`,
    );
    const next = `\nTo repeat them: ${typed('retry-tasks')}; to dismiss them: ${typed('dismiss')}`;
    return { text: lines.length === 0 ? 'No task has failed.' : lines.join('\n') + next, json: failed };
  }),
});

const hooks = command({
  usage: 'hooks',
  summary: 'list the deliveries of the event hook, including delayed ones',
  run: onApp(async (okta, app) => {
    const { deliveries } = await okta.list(app, 'deliveries');
    const none = 'The event hook has sent nothing since the sandbox started.';
    return { text: deliveries.flatMap(deliveryLines).join('\n') || none, json: deliveries };
  }),
});

export const listings: readonly AnyCommand[] = [list, tasks, hooks];
