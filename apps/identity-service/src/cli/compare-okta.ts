/** `compare-okta`: asks deactivation-worker, which compares, over its internal API. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CliError, EXIT, type Answer, type InternalClient } from '#platform';
import { findTenant } from '#settings';

/** What this command line reads of the run; the service may say more. */
const runView = z.object({
  id: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  progress: z.object({
    phase: z.string(),
    oktaUsers: z.number(),
    people: z.number(),
    drift: z.record(z.string(), z.object({ count: z.number(), sample: z.array(z.string()) })),
  }),
  checked: z.number(),
  changed: z.number(),
  error: z.string().nullable(),
  errorCode: z.string().nullable(),
});
type RunView = z.infer<typeof runView>;

const POLL_MS = 300;

const SAYS: Readonly<Record<string, string>> = {
  unknown_here: 'assigned in Okta, unknown here (repeat the push in Okta)',
  inactive_here: 'assigned in Okta, inactive here (repeat the push in Okta)',
  suspended_in_okta: 'suspended in Okta, with access here',
  missing_in_okta: 'not assigned in Okta, with access here',
  kept_out_here: 'assigned in Okta, kept out here',
  without_okta_id: 'with access here, without an Okta user id (cannot be compared)',
};

export async function compareOkta(
  api: InternalClient,
  flags: { readonly tenant?: string; readonly wait?: boolean; readonly force?: boolean },
): Promise<Answer> {
  const tenant = await findTenant(api, flags.tenant);
  const route = `/internal/tenants/${tenant.id}/okta/comparison`;
  const { run } = await api.call<{ run: string }>('POST', route, { force: flags.force ?? false });
  for (;;) {
    const latest = runView.parse(await api.call('GET', route));
    if (flags.wait === false || latest.id !== run || latest.state !== 'running') {
      if (latest.state === 'failed') throw new CliError(describeRun(latest), EXIT.unavailable);
      return { text: describeRun(latest), json: latest };
    }
    await sleep(POLL_MS);
  }
}

export function describeRun({ state, progress, checked, changed, error, errorCode }: RunView): string {
  const head = {
    running: `Comparing (${progress.phase}): ${progress.oktaUsers} users of the Okta app so far`,
    done: `Compared ${progress.oktaUsers} users of the Okta app with ${progress.people} people who had access`,
    failed: `The comparison failed: ${error ?? 'unknown'}${errorCode === 'okta_app_empty' ? ' (--force)' : ''}\nWhat it had read until then`,
  }[state];
  const found = Object.entries(progress.drift).filter(([, { count }]) => count > 0);
  if (found.length === 0) return `${head}. ${state === 'done' ? 'No difference.' : 'No difference yet.'}`;
  const lines = found.map(
    ([kind, { count, sample }]) =>
      `  ${count} ${SAYS[kind] ?? kind}: ${sample.slice(0, 10).join(', ')}${count > 10 ? ', ...' : ''}`,
  );
  const effect = `Okta was asked about ${checked} of them one by one; for ${changed} something changed here ("npm run offboarding -- list" shows whom it took access from, or who is held).`;
  return `${head}:\n${lines.join('\n')}\n${effect}`;
}
