/** `npm run accounts -- list | show <who> | explain <who> | retry <who> | reconcile | republish | compare-okta`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError, EXIT, InternalClient, positive, runCommandLine, type Answer, type CliOptions } from '#platform';
import { AccountsClient } from './cli/client.js';
import { compareOkta } from './cli/compare-okta.js';
import { describeAccount, describeCompare, describeExplanation, describeList } from './cli/output.js';

interface Flags {
  tenant?: string;
  url?: string;
  token?: string;
  json?: boolean;
  limit?: number;
  wait?: boolean;
  force?: boolean;
  all?: boolean;
}

type Run = (client: AccountsClient, flags: Flags, who: string) => Promise<Answer>;

const POLL_MS = 300;

/** Runs one command; returns the exit code, throws only what is a bug. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<number> {
  const on = (run: Run) => (who: string, flags: Flags) =>
    run(new AccountsClient(InternalClient.find('identity-service', flags, options.env)), flags, who);
  return runCommandLine<Flags>(
    {
      name: 'accounts',
      description: 'Accounts of identity-service: their roles, why they have them, and whether Cognito shows it.',
      service: 'identity-service',
      commands(add) {
        add('list', 'all accounts of a tenant', on(list)).option('--limit <n>', 'at most this many', positive, 100);
        add(
          'show <who>',
          'one account with the history of its roles; <who> = user name, Okta user id or account id',
          on(show),
        );
        add('explain <who>', 'why the account has its roles, or none', on(explain));
        add('retry <who>', 'read the user back from Cognito and repair it now', on(retry));
        add('reconcile', 'compare the whole user pool with the accounts and repair what differs', on(reconcile)).option(
          '--no-wait',
          'start it and return',
        );
        add(
          'republish',
          "publish the state of a tenant's accounts once more, for a subscriber that lost its database or begins late",
          on(republish),
        ).option('--all', 'of all tenants');
        // deactivation-worker's, to which --url and --token belong then: who has access is his business.
        add(
          'compare-okta',
          'compare the tenant with its Okta app: whom Okta keeps out loses access, all else is reported',
          (_, flags) => compareOkta(InternalClient.find('deactivation-worker', flags, options.env), flags),
        )
          .option('--no-wait', 'start it and return')
          .option('--force', 'believe Okta even if it says that nobody is assigned');
      },
    },
    args,
    options,
  );
}

const list: Run = async (client, { tenant, limit }) => {
  const { accounts, more } = await client.list(await client.tenant(tenant), limit ?? 100);
  return { text: describeList(accounts, more), json: accounts };
};

const show: Run = async (client, { tenant }, who) => {
  const account = await client.account(await client.tenant(tenant), who);
  const { grants } = await client.grants(account);
  return { text: describeAccount(account, grants), json: { ...account, grants } };
};

const explain: Run = async (client, { tenant }, who) => {
  const explanation = await client.explanation(await client.account(await client.tenant(tenant), who));
  return { text: describeExplanation(explanation), json: explanation };
};

const retry: Run = async (client, { tenant }, who) => {
  const account = await client.account(await client.tenant(tenant), who);
  await client.retry(account);
  return {
    text: `${account.userName} is read back from Cognito and repaired now. "npm run accounts -- show ${account.userName}" tells the result.`,
    json: { account: account.id, retrying: true },
  };
};

const reconcile: Run = async (client, { wait }) => {
  const { run } = await client.startCompare();
  for (;;) {
    const latest = await client.compare();
    if (wait === false || latest.id !== run || latest.state !== 'running') {
      if (latest.state === 'failed') throw new CliError(describeCompare(latest), EXIT.unavailable);
      return { text: describeCompare(latest), json: latest };
    }
    await sleep(POLL_MS);
  }
};

const republish: Run = async (client, { tenant, all }) => {
  const tenants = all ? await client.tenants() : [await client.tenant(tenant)];
  const counts: { tenant: string; republished: number }[] = [];
  for (const { id, slug } of tenants) counts.push({ tenant: slug, republished: await client.republish({ id }) });
  return {
    text: counts.map((c) => `${c.tenant}: accounts published once more: ${c.republished}`).join('\n'),
    json: counts,
  };
};

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
