import {
  audited,
  EXIT,
  flag,
  operator,
  option,
  required,
  secretFrom,
  storeStackToken,
  usage,
  type Answer,
  type AnyCommand,
  type Call,
} from '#command-line';
import type { HubTenant, Json, TenantChanged } from '#contracts';
import type { HubClient } from '#contracts/clients';
import { grace } from '../exchange/commands.js';
import { command, findTenant, part, Services, type TargetFlags } from '../services.js';
import { erasing } from './erase.js';
import { mappedGroups } from './groups.js';
import { settingsOf, settingsOptions, unmapping } from './settings.js';
import {
  describeChange,
  describeOkta,
  describeOktaGone,
  describeSso,
  describeSsoGone,
  describeTenant,
  describeTenants,
  describeToken,
  warningText,
} from './text.js';

type Run<F> = (hub: HubClient, slug: string, call: Call<F>) => Promise<Answer>;

/** Runs the command on the tenant that the argument or --tenant names, or else on the only tenant. */
const onTenant =
  <F extends TargetFlags>(run: Run<F>) =>
  async (call: Call<F>): Promise<Answer> => {
    const [slug] = call.args;
    const { tenant } = call.flags;
    if (slug !== undefined && tenant !== undefined && slug !== tenant)
      throw usage(`error: the tenant is named twice, "${slug}" and --tenant ${tenant}.`);
    const hub = (await Services.of(call)).hub();
    return run(hub, (await findTenant(hub, slug ?? tenant)).slug, call);
  };

const NOT_PUBLISHED =
  'The change is stored, but its event could not be published in time. The event is published automatically later; until then the other services do not know about the change.';

const changing = <F extends TargetFlags, R extends Json<TenantChanged>>(
  change: (hub: HubClient, slug: string, call: Call<F>) => Promise<R>,
  describe: (result: R, typed: Call<F>['typed']) => string,
) =>
  onTenant<F>(async (hub, slug, call) => {
    const result = await change(hub, slug, call);
    return changed(result, describe(result, call.typed), call.typed);
  });

function changed(result: Json<TenantChanged>, text: string, typed: Call<TargetFlags>['typed']): Answer {
  const warnings = [...(result.published ? [] : [NOT_PUBLISHED]), warningText(result.tenant, typed) ?? []].flat();
  return {
    text,
    json: result,
    ...(warnings.length > 0 && { warning: warnings.join('\n') }),
    exitCode: result.published ? EXIT.ok : EXIT.notPublished,
  };
}

const create = command({
  usage: 'create <slug>',
  summary: 'create a tenant and show its SCIM token once',
  examples: ['tenants create acme --host acme.stackflow-tech.com --scim on'],
  options: {
    ...settingsOptions,
    ...audited,
    enableScim: flag('--enable-scim', 'the same as --scim on'),
    ifMissing: flag('--if-missing', 'do not fail if the tenant already exists'),
  },
  run: async (call) => {
    const { flags, args, typed } = call;
    const [slug = ''] = args;
    const settings = { ...settingsOf(flags), ...(flags.enableScim && { scimEnabled: true }) };
    const hub = (await Services.of(call)).hub();
    const ifMissing = flags.ifMissing ?? false;
    const result = await hub.create({ slug, settings, ifMissing, by: operator(call) });
    const text = result.scimToken
      ? `Tenant "${slug}" is created.\n\n${describeToken(result, typed)}`
      : `The tenant "${slug}" already exists; nothing was changed.`;
    return changed(result, text, typed);
  },
});

const configure = command({
  usage: 'configure [slug]',
  summary: 'change settings; options that are left out change nothing',
  examples: ["tenants configure acme --map 'Night shift=viewer' --group-sync on"],
  options: {
    ...settingsOptions,
    ...audited,
    unmap: option(
      '--unmap <group>',
      'remove the role mappings of a group, given by name or SCIM id (repeatable)',
      unmapping,
    ),
  },
  run: changing(
    async (hub, slug, call) => {
      const settings = settingsOf(call.flags);
      if (Object.keys(settings).length === 0)
        throw usage('error: name a setting to change; --help lists all settings.');
      const usedNames = settings.map && (await namesInUse(hub, slug, call));
      return hub.configure(slug, { settings: { ...settings, usedNames }, by: operator(call) });
    },
    (result) => `${describeChange(result)}\n\n${describeTenant(result.tenant)}`,
  ),
});

/**
 * Returns the mapped names that groups use, so that the first mapping of the tenant's own drops the other defaults.
 * Without an answer of identity-service, all defaults stay.
 */
async function namesInUse(hub: HubClient, slug: string, call: Call<TargetFlags>): Promise<string[] | undefined> {
  const { value } = await part(async () => {
    const identity = (await Services.of(call)).identity();
    return identity.groupPins((await findTenant(hub, slug)).id);
  });
  return value && [...value.pins, ...value.waiting].map((group) => group.mappedName);
}

const rotate = command({
  usage: 'rotate-token [slug]',
  summary: 'issue a new SCIM token and show it once',
  options: { ...audited, grace: grace('how long the old token stays valid') },
  run: onTenant(async (hub, slug, { flags, env, typed }) => {
    const result = await hub.rotateScimToken(slug, { graceMs: flags.grace, by: operator({ flags, env }) });
    const file = storeStackToken(env, result.tenant.id, result.scimToken?.secret ?? '');
    const stored = file
      ? `\n\n${file} now holds the new token. The sandbox Okta still uses the previous one. Give it the new one: npm run okta -- connect`
      : '';
    const text = `Tenant "${slug}" has a new SCIM token.\n\n${describeToken(result, typed)}${stored}`;
    return changed(result, text, typed);
  }),
});

const connectOkta = command({
  usage: 'connect-okta [slug]',
  summary: 'give StackFlow read access to the Okta org, and create the endpoint for the event hook of the org',
  examples: ['tenants connect-okta acme --domain acme.okta.com --app-id 0oa1abc --api-token-file token.txt'],
  options: {
    ...audited,
    domain: required('--domain <domain>', 'the Okta org, e.g. your-org.okta.com'),
    appId: required('--app-id <id>', 'id of the StackFlow app: 0oa... in the URL of its page in the Admin Console'),
    apiTokenFile: required('--api-token-file <file>', 'file with the API token of Okta; - means standard input'),
    rotateHookSecret: flag('--rotate-hook-secret', 'issue a new secret for the event hook and show it once'),
    grace: grace('with --rotate-hook-secret: how long the old secret stays valid'),
  },
  run: changing(async (hub, slug, { flags, env, stdin }) => {
    const apiToken = await secretFrom(flags.apiTokenFile, stdin, 'API token of Okta');
    const { domain, appId, rotateHookSecret = false, grace: graceMs } = flags;
    const org = { domain: domain.trim().toLowerCase(), appId: appId.trim() };
    return hub.connectOkta(slug, { ...org, apiToken, rotateHookSecret, graceMs, by: operator({ flags, env }) });
  }, describeOkta),
});

const disconnectOkta = command({
  usage: 'disconnect-okta [slug]',
  summary: 'delete the API token and the secret of the event hook',
  options: audited,
  run: changing((hub, slug, { flags, env }) => hub.disconnectOkta(slug, operator({ flags, env })), describeOktaGone),
});

const connectSso = command({
  usage: 'connect-sso [slug]',
  summary: 'let people sign in through an OIDC app of the Okta org',
  examples: ['tenants connect-sso acme --client-id 0oa1def --client-secret-file -'],
  options: {
    ...audited,
    clientId: required('--client-id <id>', 'client id of the OIDC app in Okta, 0oa...'),
    clientSecretFile: required(
      '--client-secret-file <file>',
      'file with the client secret of the OIDC app; - means standard input',
    ),
    issuer: option(
      '--issuer <url>',
      'issuer of the ID tokens; needed only for a custom authorization server, or if connect-okta was not used',
    ),
  },
  run: changing(async (hub, slug, { flags, env, stdin }) => {
    const clientSecret = await secretFrom(flags.clientSecretFile, stdin, 'client secret');
    const client = { clientId: flags.clientId.trim(), clientSecret, issuer: flags.issuer?.trim() };
    return hub.connectSso(slug, { ...client, by: operator({ flags, env }) });
  }, describeSso),
});

const disconnectSso = command({
  usage: 'disconnect-sso [slug]',
  summary: 'end sign-in through Okta and delete the client secret',
  options: audited,
  run: changing((hub, slug, { flags, env }) => hub.disconnectSso(slug, operator({ flags, env })), describeSsoGone),
});

const list = command({
  usage: 'list',
  summary: 'all tenants',
  run: async (call) => {
    const { tenants } = await (await Services.of(call)).hub().tenants();
    const none = `There is no tenant yet. Create one: ${call.typed('tenants create <slug>')}`;
    return { text: tenants.length === 0 ? none : describeTenants(call.screen, tenants), json: tenants };
  },
});

const show = command({
  usage: 'show [slug]',
  summary: 'show the settings of one tenant, and the addresses that Okta needs',
  run: onTenant(async (hub, slug, { typed }) => {
    const tenant: Json<HubTenant> = await hub.tenant(slug);
    const warning = warningText(tenant, typed);
    return { text: describeTenant(tenant), json: tenant, ...(warning !== undefined && { warning }) };
  }),
});

export const tenants: readonly AnyCommand[] = [
  list,
  show,
  create,
  configure,
  rotate,
  connectOkta,
  disconnectOkta,
  connectSso,
  disconnectSso,
  ...mappedGroups,
  ...erasing,
];
