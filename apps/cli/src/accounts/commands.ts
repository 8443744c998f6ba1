import { flag, negation, option, positive, preset, type AnyCommand, type Call, type Typed } from '#command-line';
import {
  command,
  findTenant,
  MORE,
  Services,
  take,
  target,
  tenantsOf,
  untilEnded,
  type TargetFlags,
} from '../services.js';
import { compareOkta } from './compare-okta.js';
import { noAccount } from './person.js';
import { reasonSentence } from './sentences.js';
import { describeAccount, describeAccounts, describePoolComparison } from './text.js';

const PERSON = '<person> is a user name, an Okta user id or an account id';

const list = command({
  usage: 'list',
  summary: 'list the accounts of a tenant, sorted by user name',
  examples: ['accounts list --failing', 'accounts list --role itsm_agent --text lovelace'],
  options: {
    failing: flag('--failing', 'only accounts whose last update in Cognito failed'),
    role: option('--role <role>', 'only accounts that have this role in effect'),
    text: option('--text <text>', 'only accounts whose user name, name or e-mail address contains this text'),
    limit: preset('--limit <n>', 'at most this many', positive, 100),
  },
  run: async (call) => {
    const { flags, screen, typed } = call;
    const { client: identity, tenant, about } = await target(call, (s) => s.identity());
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
    return { text: about(body), json: items };
  },
});

/** Returns an example for the sandbox if the command line runs through npm, or else no text. */
export const sandboxHint = (typed: Typed, verb: string): string =>
  typed('').startsWith('npm') ? `, e.g. "npm run okta -- ${verb}"` : '';

async function findAccount(call: Call<TargetFlags>) {
  const found = await target(call, (s) => s.identity());
  const [who = ''] = call.args;
  const account = await found.client.find(found.tenant.id, who);
  if (!account) throw noAccount(found.tenant, who, call);
  return { ...found, account };
}

const show = command({
  usage: 'show <person>',
  summary: `show one account and the history of its roles; ${PERSON}`,
  examples: ['accounts show ada@example.com'],
  run: async (call) => {
    const { client: identity, tenant, account, about } = await findAccount(call);
    const { grants } = await identity.grants(tenant.id, account.id);
    return { text: about(describeAccount(call.screen, account, grants)), json: { ...account, grants } };
  },
});

const explain = command({
  usage: 'explain <person>',
  summary: 'explain why the account has its roles, or why it has none',
  run: async (call) => {
    const { client: identity, tenant, account } = await findAccount(call);
    const explanation = await identity.explanation(tenant.id, account.id);
    const sentences = explanation.reasons.map((reason) => reasonSentence(reason, account.userName, call.typed));
    const text = [`${account.userName} (tenant ${tenant.slug}):`, ...sentences].join('\n  ');
    return { text, json: { ...explanation, sentences } };
  },
});

const retry = command({
  usage: 'retry <person>',
  summary: 'read the user back from Cognito and repair it now',
  run: async (call) => {
    const { client: identity, tenant, account } = await findAccount(call);
    const json = await identity.retry(tenant.id, account.id);
    return {
      text: `The Cognito user of ${account.userName} (tenant ${tenant.slug}) will be read and repaired now. "${call.typed(`accounts show ${account.userName}`)}" shows the result.`,
      json,
    };
  },
});

const reconcile = command({
  usage: 'reconcile',
  summary: 'compare the whole user pool with the accounts of all tenants and repair every difference',
  options: { wait: negation('--no-wait', 'return after the start, without waiting for the end') },
  run: async (call) => {
    const identity = (await Services.of(call)).identity();
    const run = await identity.startPoolComparison();
    return untilEnded(run, call.flags.wait, () => identity.latestPoolComparison(), describePoolComparison);
  },
});

const republish = command({
  usage: 'republish',
  summary: "publish the state of a tenant's accounts again, for a subscriber that is new or has lost its database",
  options: { all: flag('--all', 'of all tenants') },
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
});

export const accounts: readonly AnyCommand[] = [list, show, explain, retry, reconcile, republish, compareOkta];
