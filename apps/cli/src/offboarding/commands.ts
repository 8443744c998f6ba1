import type { CaseState } from '#contracts';
import { choice, positive, preset, type AnyCommand } from '#command-line';
import { sandboxHint } from '../accounts/commands.js';
import { command, MORE, take, target } from '../services.js';
import { held, release } from './held.js';
import { personOf } from '../accounts/person.js';
import { describeCases, describeTimeline } from './text.js';

/** A copy of CASE_STATES in #contracts. Importing that file would load decorators and slow down the start. */
const STATES: readonly CaseState[] = ['new', 'held', 'running', 'completed', 'superseded', 'discarded'];

const show = command({
  usage: 'show <person>',
  summary:
    'show each step that ended the access of one person, and which steps are open; <person> is a user name, an Okta user id or an account id',
  examples: ['offboarding show ada@example.com'],
  run: async (call) => {
    const { args, screen, typed } = call;
    const { client: worker, tenant, about } = await target(call, (s) => s.offboarding());
    const person = await personOf(call, worker, tenant, args[0] ?? '');
    const timeline = await worker.timeline(tenant.id, person.account);
    return { text: about(describeTimeline(screen, timeline, typed)), json: timeline };
  },
});

const list = command({
  usage: 'list',
  summary: 'list the cases of a tenant, newest first',
  options: {
    limit: preset('--limit <n>', 'at most this many', positive, 100),
    state: choice('--state <state>', 'only these', STATES),
  },
  run: async (call) => {
    const { flags, screen, typed } = call;
    const { state, limit } = flags;
    const { client: worker, tenant, about } = await target(call, (s) => s.offboarding());
    const { items, more } = await take(limit, async (query) => {
      const { cases, next } = await worker.cases(tenant.id, { state, ...query });
      return { items: cases, next };
    });
    const none =
      state === undefined
        ? `Nobody has been offboarded yet. Unassign a user from the StackFlow app in Okta${sandboxHint(typed, 'unassign <user>')}.`
        : `No case is ${state}.`;
    const body = items.length === 0 ? none : describeCases(screen, items) + (more ? MORE : '');
    return { text: about(body), json: items };
  },
});

const retry = command({
  usage: 'retry <person>',
  summary: 'read the user back from Cognito and enable or disable it now',
  run: async (call) => {
    const { client: worker, tenant } = await target(call, (s) => s.offboarding());
    const person = await personOf(call, worker, tenant, call.args[0] ?? '');
    const json = await worker.retry(tenant.id, person.account);
    return {
      text: `The Cognito user of ${person.userName} (tenant ${tenant.slug}) will be read now, and then ${person.desiredAccess}. "${call.typed(`offboarding show ${person.userName}`)}" shows the result.`,
      json,
    };
  },
});

export const offboarding: readonly AnyCommand[] = [show, list, held, release, retry];
