/** What `connect-okta` and `disconnect-okta` say. */
import { eventHookUrl } from './addresses.js';
import { describeChange, fields } from './cli-output.js';
import type { ConnectResult, TenantResult } from './tenants.js';

/** What the event hook has to subscribe to: what SCIM does not tell, and what it may tell late. */
const EVENTS = [
  'user.lifecycle.suspend',
  'user.lifecycle.unsuspend',
  'user.lifecycle.deactivate',
  'user.lifecycle.activate',
  'user.lifecycle.reactivate',
  'user.lifecycle.delete.initiated',
  'application.user_membership.add',
  'application.user_membership.remove',
].join(', ');

/** The only place that ever prints a hook secret. */
export function describeConnection(result: ConnectResult, publicUrl: string | undefined): string {
  const { tenant, hook } = result;
  const domain = tenant.settings.okta?.domain ?? '';
  const secret = hook.hookSecret
    ? `The secret is shown only now; keep it until it stands in Okta.${graceText(hook.previousValidUntil)}`
    : 'The secret of the event hook stays the one that was shown before; for a new one: --rotate-hook-secret.';
  return `${describeChange(result)}

In Okta (https://${domain}): Workflow -> Event Hooks -> Create Event Hook:

${fields([
  ['Endpoint URL', eventHookUrl(tenant, publicUrl)],
  ['Authentication field', 'Authorization'],
  ['Authentication secret', hook.hookSecret ?? '(as before)'],
  ['Subscribe to events', EVENTS],
])}

${secret}
Then see whether the API token works: npm run accounts -- compare-okta --tenant ${tenant.slug}`;
}

const graceText = (until: Date | null): string =>
  until
    ? `\nThe secret before this one stays valid until ${until.toISOString()}: enter the new one in Okta before then.`
    : '';

export const describeDisconnection = (result: TenantResult): string =>
  `${result.changed.length === 0 ? `"${result.tenant.slug}" is not connected to Okta.` : describeChange(result)}
API token and event hook secret are erased here. In Okta, delete the event hook and revoke the API token (Security -> API -> Tokens).`;
