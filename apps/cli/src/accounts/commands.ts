/** `stackflow accounts`: shows the accounts of identity-service, and compares them with Cognito and Okta. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountView, Json } from '#contracts';
import { EXIT, positive, Refusal, type AnyCommand, type Call, type CommandSpec } from '#command-line';
import {
  aboutTenant,
  findTenant,
  MORE,
  Services,
  take,
  tenantsOf,
  type TargetFlags,
  type Tenant,
} from '../services.js';
import { compareOkta, POLL_MS } from './compare-okta.js';
import { reasonSentence } from './sentences.js';
import { describeAccount, describeAccounts, describePoolComparison } from './text.js';

const PERSON = '<person> is a user name, an Okta user id or an account id';

interface ListFlags extends TargetFlags {
  readonly limit: number;
  readonly failing?: boolean;
  readonly role?: string;
  readonly text?: string;
}

const list: CommandSpec<ListFlags> = {
  usage: 'list',
  summary: 'list the accounts of a tenant, sorted by user name',
  examples: ['accounts list --failing', 'accounts list --role itsm_agent --text lovelace'],
  options: (command) =>
    command
      .option('--failing', 'only accounts whose last update in Cognito failed')
      .option('--role <role>', 'only accounts that have this role in effect')
      .option('--text <text>', 'only accounts whose user name, name or e-mail address contains this text')
      .option('--limit <n>', 'at most this many', positive, 100),
  run: async (call) => {
    const { flags, screen, typed } = call;
    const identity = (await Services.of(call)).identity();
    const tenant = await findTenant(identity, flags.tenant);
    const { failing, role, text } = flags;
    const filter = { ...(failing && { failing }), ...(role && { role }), ...(text && { text }) };
    const { items, more } = await take(flags.limit, async (query) => {
      const { accounts, next } = await identity.accounts(tenant.id, { ...filter, ...query });
      return { items: accounts, next };
    });
    const none =
      Object.keys(filter).length > 0
        ? 'No account matches these filters.'
        : `No accounts yet. Assign a user to the StackFlow app in Okta${sandboxHint(typed, 'assign <user>')}.`;
    const body = items.length === 0 ? none : describeAccounts(screen, items) + (more ? MORE : '');
    return { text: aboutTenant(screen, tenant, flags, body), json: items };
  },
};

/** Names the sandbox command only for people who run the command line through npm, because they have the sandbox. */
export const sandboxHint = (typed: (command: string) => string, verb: string): string =>
  typed('').startsWith('npm') ? `, e.g. "npm run okta -- ${verb}"` : '';

interface Found {
  readonly services: Services;
  readonly tenant: Tenant;
  readonly account: Json<AccountView>;
}

export async function findAccount(call: Call<TargetFlags>): Promise<Found> {
  const services = await Services.of(call);
  const identity = services.identity();
  const tenant = await findTenant(identity, call.flags.tenant);
  const [who = ''] = call.args;
  const account = await identity.find(tenant.id, who);
  if (account) return { services, tenant, account };
  throw new Refusal(`Tenant ${tenant.slug} has no account "${who}". ${notFoundHint(call.typed)}`);
}

export const notFoundHint = (typed: (command: string) => string): string =>
  `Give a user name, an Okta user id or an account id; "${typed('accounts list')}" shows all. Was the user pushed to another tenant (--tenant)?`;

const show: CommandSpec<TargetFlags> = {
  usage: 'show <person>',
  summary: `show one account and the history of its roles; ${PERSON}`,
  examples: ['accounts show ada@example.com'],
  run: async (call) => {
    const { services, tenant, account } = await findAccount(call);
    const { grants } = await services.identity().grants(tenant.id, account.id);
    return {
      text: aboutTenant(call.screen, tenant, call.flags, describeAccount(call.screen, account, grants)),
      json: { ...account, grants },
    };
  },
};

const explain: CommandSpec<TargetFlags> = {
  usage: 'explain <person>',
  summary: 'explain why the account has its roles, or why it has none',
  run: async (call) => {
    const { services, tenant, account } = await findAccount(call);
    const explanation = await services.identity().explanation(tenant.id, account.id);
    const sentences = explanation.reasons.map((reason) => reasonSentence(reason, account.userName, call.typed));
    return {
      text: [`${account.userName} (tenant ${tenant.slug}):`, ...sentences.map((sentence) => `  ${sentence}`)].join(
        '\n',
      ),
      json: { ...explanation, sentences },
    };
  },
};

const retry: CommandSpec<TargetFlags> = {
  usage: 'retry <person>',
  summary: 'read the user back from Cognito and repair it now',
  run: async (call) => {
    const { services, tenant, account } = await findAccount(call);
    const json = await services.identity().retry(tenant.id, account.id);
    return {
      text: `${account.userName} (tenant ${tenant.slug}) will be read back from Cognito and repaired now. "${call.typed(`accounts show ${account.userName}`)}" shows the result.`,
      json,
    };
  },
};

const reconcile: CommandSpec<TargetFlags & { readonly wait: boolean }> = {
  usage: 'reconcile',
  summary: 'compare the whole user pool with the accounts of all tenants and repair every difference',
  options: (command) => command.option('--no-wait', 'start it and return'),
  run: async (call) => {
    const identity = (await Services.of(call)).identity();
    const run = await identity.startPoolComparison();
    for (;;) {
      const latest = await identity.latestPoolComparison();
      if (!call.flags.wait || latest.id !== run || latest.state !== 'running') {
        if (latest.state === 'failed') throw new Refusal(describePoolComparison(latest), EXIT.unavailable);
        return { text: describePoolComparison(latest), json: latest };
      }
      await sleep(POLL_MS);
    }
  },
};

const republish: CommandSpec<TargetFlags & { readonly all?: boolean }> = {
  usage: 'republish',
  summary: "publish the state of a tenant's accounts again, for a subscriber that is new or has lost its database",
  options: (command) => command.option('--all', 'of all tenants'),
  run: async (call) => {
    const identity = (await Services.of(call)).identity();
    const { tenant, all } = call.flags;
    const tenants = all ? await tenantsOf(identity) : [await findTenant(identity, tenant)];
    const counts: { tenant: string; republished: number }[] = [];
    for (const { id, slug } of tenants) counts.push({ tenant: slug, republished: await identity.republish(id) });
    return {
      text: counts.map((c) => `${c.tenant}: accounts published again: ${c.republished}`).join('\n'),
      json: counts,
    };
  },
};

export const accounts: readonly AnyCommand[] = [list, show, explain, retry, reconcile, republish, compareOkta];
