/** `stackflow accounts compare-okta`: makes deactivation-worker compare a tenant with its Okta app. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json, OktaComparison } from '#contracts';
import { EXIT, Refusal, type Call, type CommandSpec } from '#command-line';
import { aboutTenant, findTenant, Services, type TargetFlags } from '../services.js';

interface Flags extends TargetFlags {
  readonly wait: boolean;
  readonly force?: boolean;
}

export const POLL_MS = 300;

export const compareOkta: CommandSpec<Flags> = {
  usage: 'compare-okta',
  summary:
    'compare a tenant with its Okta app, end the access of people who are suspended or not assigned in Okta, and report all other differences',
  options: (command) =>
    command
      .option('--no-wait', 'start it and return')
      .option('--force', 'continue even if Okta lists nobody as assigned'),
  run: async (call: Call<Flags>) => {
    const { flags, screen, typed } = call;
    const worker = (await Services.of(call)).offboarding();
    const tenant = await findTenant(worker, flags.tenant);
    const { run } = await worker.startOktaComparison(tenant.id, { force: flags.force ?? false });
    for (;;) {
      const latest = await worker.oktaComparison(tenant.id);
      if (!flags.wait || latest.id !== run || latest.state !== 'running') {
        if (latest.state === 'failed') throw new Refusal(describe(latest, typed), EXIT.unavailable);
        return { text: aboutTenant(screen, tenant, flags, describe(latest, typed)), json: latest };
      }
      await sleep(POLL_MS);
    }
  },
};

const KINDS: Readonly<Record<string, string>> = {
  unknown_here: 'assigned in Okta, but unknown here (repeat the push in Okta)',
  inactive_here: 'assigned in Okta, but inactive here (repeat the push in Okta)',
  suspended_in_okta: 'suspended in Okta, but with access here',
  missing_in_okta: 'not assigned in Okta, but with access here',
  kept_out_here: 'assigned in Okta, but without access here because of an earlier signal from Okta',
  without_okta_id: 'with access here, without an Okta user id (cannot be compared)',
};

function describe(run: Json<OktaComparison>, typed: (command: string) => string): string {
  const { state, progress, checked, changed, error, errorCode } = run;
  const next =
    errorCode === 'okta_app_empty' ? ' If it is true that nobody is assigned, repeat the command with --force.' : '';
  const head = {
    running: `Comparing (${progress.phase}): ${progress.oktaUsers} users of the Okta app so far`,
    done: `Compared ${progress.oktaUsers} users of the Okta app with ${progress.people} people who had access`,
    failed: `The comparison failed: ${error ?? errorCode ?? 'unknown'}${next}\nDifferences found before it failed`,
  }[state];
  const found = Object.entries(progress.drift).filter(([, { count }]) => count > 0);
  if (found.length === 0) return `${head}. ${state === 'done' ? 'No difference.' : 'No difference yet.'}`;
  const lines = found.map(
    ([kind, { count, sample }]) =>
      `  ${count} ${KINDS[kind] ?? kind}: ${sample.slice(0, 10).join(', ')}${count > 10 ? ', ...' : ''}`,
  );
  const effect = `${checked} of these people were checked one by one in Okta. For ${changed} of them, the recorded state in Okta changed here ("${typed('offboarding list')}" shows who lost access or is held).`;
  return `${head}:\n${lines.join('\n')}\n${effect}`;
}
