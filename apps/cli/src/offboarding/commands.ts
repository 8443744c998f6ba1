/** `stackflow offboarding`: shows the cases of deactivation-worker, and shows and releases what the brake holds. */
import type { CaseState } from '#contracts';
import { Option } from 'commander';
import { positive, type AnyCommand, type CommandSpec } from '#command-line';
import { sandboxHint } from '../accounts/commands.js';
import { aboutTenant, findTenant, MORE, Services, take, type TargetFlags } from '../services.js';
import { held, release } from './held.js';
import { personOf } from './person.js';
import { describeCases, describeTimeline } from './text.js';

/** A copy of CASE_STATES in #contracts. Importing that file would load decorators and slow down the start. */
const STATES: readonly CaseState[] = ['new', 'held', 'running', 'completed', 'superseded', 'discarded'];

const show: CommandSpec<TargetFlags> = {
  usage: 'show <person>',
  summary:
    'show each step that ended the access of one person, and which steps are open; <person> is a user name, an Okta user id or an account id',
  examples: ['offboarding show ada@example.com'],
  run: async (call) => {
    const { args, flags, screen, typed } = call;
    const worker = (await Services.of(call)).offboarding();
    const tenant = await findTenant(worker, flags.tenant);
    const person = await personOf(call, worker, tenant, args[0] ?? '');
    const timeline = await worker.timeline(tenant.id, person.account);
    return { text: aboutTenant(screen, tenant, flags, describeTimeline(screen, timeline, typed)), json: timeline };
  },
};

const list: CommandSpec<TargetFlags & { readonly state?: CaseState; readonly limit: number }> = {
  usage: 'list',
  summary: 'list the cases of a tenant, newest first',
  options: (command) =>
    command
      .option('--limit <n>', 'at most this many', positive, 100)
      .addOption(new Option('--state <state>', 'only these').choices(STATES)),
  run: async (call) => {
    const { flags, screen, typed } = call;
    const { state, limit } = flags;
    const worker = (await Services.of(call)).offboarding();
    const tenant = await findTenant(worker, flags.tenant);
    const { items, more } = await take(limit, async (query) => {
      const { cases, next } = await worker.cases(tenant.id, { ...(state && { state }), ...query });
      return { items: cases, next };
    });
    const none =
      state === undefined
        ? `Nobody has been offboarded yet. Unassign a user from the StackFlow app in Okta${sandboxHint(typed, 'unassign <user>')}.`
        : `No case is ${state}.`;
    const body = items.length === 0 ? none : describeCases(screen, items) + (more ? MORE : '');
    return { text: aboutTenant(screen, tenant, flags, body), json: items };
  },
};

const retry: CommandSpec<TargetFlags> = {
  usage: 'retry <person>',
  summary: 'read the user back from Cognito and enable or disable it now',
  run: async (call) => {
    const worker = (await Services.of(call)).offboarding();
    const tenant = await findTenant(worker, call.flags.tenant);
    const person = await personOf(call, worker, tenant, call.args[0] ?? '');
    const json = await worker.retry(tenant.id, person.account);
    return {
      text: `${person.userName} (tenant ${tenant.slug}) will be read back from Cognito now, and the user is made ${person.desiredAccess}. "${call.typed(`offboarding show ${person.userName}`)}" shows the result.`,
      json,
    };
  },
};

export const offboarding: readonly AnyCommand[] = [show, list, held, release, retry];
