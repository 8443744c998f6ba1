/** `npm run offboarding -- show <who> | list | held | release [<who>...] | retry <who>`. */
import { Option, type Command } from 'commander';
import { CASE_STATES, type CaseState } from '#contracts';
import { InternalClient, positive, runCommandLine, type Answer, type CliOptions } from '#platform';
import { OffboardingClient, RoleLossClient } from './cli/client.js';
import { held, release, type HeldFlags, type Services } from './cli/held.js';
import { describeTimeline } from './cli/timeline.js';
import { describeList } from './cli/words.js';

interface Flags extends HeldFlags {
  url?: string;
  token?: string;
  json?: boolean;
  limit?: number;
  state?: CaseState;
  identityUrl?: string;
}

type Run = (services: Services, flags: Flags, who: readonly string[]) => Promise<Answer>;

/** Runs one command; returns the exit code, throws only what is a bug. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<number> {
  const on = (run: Run) => (_: string, flags: Flags, who: readonly string[]) =>
    run(
      {
        worker: new OffboardingClient(InternalClient.find('deactivation-worker', flags, options.env)),
        identity: () =>
          new RoleLossClient(
            InternalClient.find('identity-service', { url: flags.identityUrl, token: flags.token }, options.env),
          ),
      },
      flags,
      who,
    );
  return runCommandLine<Flags>(
    {
      name: 'offboarding',
      description: 'Who lost access, when which door closed, and what the brake holds.',
      service: 'deactivation-worker',
      commands(add) {
        add(
          'show <who>',
          'one person: when which door closed, what is open and why; <who> = user name, Okta user id or account id',
          on(show),
        );
        add('list', 'all cases of a tenant, newest first', on(list))
          .option('--limit <n>', 'at most this many', positive, 100)
          .addOption(new Option('--state <state>', 'only these').choices(CASE_STATES));
        alsoIdentity(add('held', 'whom the brake holds: people who still have access, or roles', on(held)));
        alsoIdentity(add('release [who...]', 'lets happen what is held, for these people or for all', on(release)))
          .option('--all', 'everything that is held in the tenant')
          .option('--by <name>', 'who answers for it; else whoever is logged in here');
        add('retry <who>', 'read the user back from Cognito and close or open the door now', on(retry));
      },
    },
    args,
    options,
  );
}

const alsoIdentity = (command: Command): Command =>
  command.option('--identity-url <url>', 'identity-service, which holds losses of roles; else the local stack says');

const show: Run = async ({ worker }, { tenant }, [who = '']) => {
  const timeline = await worker.timeline(await worker.tenant(tenant), who);
  return { text: describeTimeline(timeline), json: timeline };
};

const list: Run = async ({ worker }, { tenant, state, limit }) => {
  const { cases, more } = await worker.list(await worker.tenant(tenant), state, limit ?? 100);
  return { text: describeList(cases, more, state), json: cases };
};

const retry: Run = async ({ worker }, { tenant }, [who = '']) => {
  const { person } = await worker.retry(await worker.tenant(tenant), who);
  return {
    text: `${person.userName} is read back from Cognito, and the door is made ${person.desiredAccess === 'enabled' ? 'open' : 'closed'}. "npm run offboarding -- show ${person.userName}" tells the result.`,
    json: { account: person.account, retrying: true },
  };
};

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
