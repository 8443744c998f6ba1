import type { Json, OktaComparison } from '#contracts';
import { flag, negation, type Typed } from '#command-line';
import { command, target, untilEnded } from '../services.js';

export const compareOkta = command({
  usage: 'compare-okta',
  summary:
    'compare a tenant with its Okta app, end the access of people who are suspended or not assigned in Okta, and report all other differences',
  options: {
    wait: negation('--no-wait', 'return after the start, without waiting for the end'),
    force: flag('--force', 'continue even if Okta lists nobody as assigned'),
  },
  run: async (call) => {
    const { force = false, wait } = call.flags;
    const { client: worker, tenant, about } = await target(call, (s) => s.offboarding());
    const { run } = await worker.startOktaComparison(tenant.id, { force });
    const latest = () => worker.oktaComparison(tenant.id);
    const answer = await untilEnded(run, wait, latest, (result) => describe(result, call.typed));
    return { ...answer, text: about(answer.text) };
  },
});

const KINDS: Readonly<Record<string, string>> = {
  unknown_here: 'assigned in Okta, but unknown here (repeat the push in Okta)',
  inactive_here: 'assigned in Okta, but inactive here (repeat the push in Okta)',
  suspended_in_okta: 'suspended in Okta, but with access here',
  missing_in_okta: 'not assigned in Okta, but with access here',
  kept_out_here: 'assigned in Okta, but without access here because of an earlier signal from Okta',
  without_okta_id: 'with access here, without an Okta user id (cannot be compared)',
};

function describe(run: Json<OktaComparison>, typed: Typed): string {
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
  const effect = `${checked} of these people were checked one by one in Okta. For ${changed} of them, Okta reported a state that was not recorded here. "${typed('offboarding list')}" shows who lost access or is held.`;
  return `${head}:\n${lines.join('\n')}\n${effect}`;
}
