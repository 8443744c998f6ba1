/**
 * `stackflow tenants`: manages the tenants of integration-hub. A tenant is named by the argument or by --tenant;
 * without either, the only tenant is used.
 */
import {
  audited,
  EXIT,
  operator,
  secretFrom,
  usage,
  type Answer,
  type AnyCommand,
  type Call,
  type CommandSpec,
} from '#command-line';
import type { HubTenant, Json, TenantChanged } from '#contracts';
import type { HubClient } from '#contracts/clients';
import { grace } from '../exchange/commands.js';
import { findTenant, Services, type TargetFlags } from '../services.js';
import { settingsOf, settingsOptions, unmapping, type SettingsFlags } from './settings.js';
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

interface Flags extends TargetFlags {
  readonly by?: string;
}
type Run<F> = (hub: HubClient, slug: string, call: Call<F>) => Promise<Answer>;

/** Runs the command on the named or only tenant. The answer names the tenant. */
const onTenant =
  <F extends Flags>(run: Run<F>) =>
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

function changed(
  result: Json<TenantChanged>,
  text: string,
  typed: Call<Flags>['typed'],
  json: unknown = result,
): Answer {
  const warnings = [...(result.published ? [] : [NOT_PUBLISHED]), warningText(result.tenant, typed) ?? []].flat();
  return {
    text,
    json,
    ...(warnings.length > 0 && { warning: warnings.join('\n') }),
    exitCode: result.published ? EXIT.ok : EXIT.notPublished,
  };
}

const create: CommandSpec<Flags & SettingsFlags & { readonly enableScim?: boolean; readonly ifMissing?: boolean }> = {
  usage: 'create <slug>',
  summary: 'create a tenant and show its SCIM token, this once',
  examples: ['tenants create acme --host acme.stackflow-tech.com --scim on'],
  options: (command) =>
    audited(settingsOptions(command))
      .option('--enable-scim', 'the same as --scim on')
      .option('--if-missing', 'succeed if the tenant already exists'),
  run: async (call) => {
    const { flags, args, typed } = call;
    const [slug = ''] = args;
    const settings = { ...settingsOf(flags), ...(flags.enableScim && { scimEnabled: true }) };
    const hub = (await Services.of(call)).hub();
    const ifMissing = flags.ifMissing ?? false;
    const result = await hub.create({ slug, settings, ifMissing, by: operator(flags.by) });
    const text = result.scimToken
      ? `Tenant "${slug}" is created.\n\n${describeToken(result, typed)}`
      : `The tenant "${slug}" already exists; nothing was changed.`;
    return changed(result, text, typed);
  },
};

const configure: CommandSpec<Flags & SettingsFlags> = {
  usage: 'configure [slug]',
  summary: 'change settings; options that are left out change nothing',
  examples: ["tenants configure acme --map 'Night shift=viewer' --group-sync on"],
  options: (command) =>
    audited(settingsOptions(command)).option(
      '--unmap <group>',
      'remove the role mappings of a group, given by name or SCIM id (repeatable)',
      unmapping,
    ),
  run: onTenant(async (hub, slug, { flags, typed }) => {
    const settings = settingsOf(flags);
    if (Object.keys(settings).length === 0) throw usage('error: name a setting to change; --help lists all settings.');
    const result = await hub.configure(slug, { settings, by: operator(flags.by) });
    return changed(result, `${describeChange(result)}\n\n${describeTenant(result.tenant)}`, typed);
  }),
};

const rotate: CommandSpec<Flags & { readonly grace: number }> = {
  usage: 'rotate-token [slug]',
  summary: 'issue a new SCIM token and show it once',
  options: (command) => audited(command).addOption(grace('how long the old token stays valid')),
  run: onTenant(async (hub, slug, { flags, typed }) => {
    const result = await hub.rotateScimToken(slug, { graceMs: flags.grace, by: operator(flags.by) });
    return changed(result, `Tenant "${slug}" has a new SCIM token.\n\n${describeToken(result, typed)}`, typed);
  }),
};

interface OktaFlags extends Flags {
  readonly domain: string;
  readonly appId: string;
  readonly apiTokenFile: string;
  readonly rotateHookSecret?: boolean;
  readonly grace: number;
}

const connectOkta: CommandSpec<OktaFlags> = {
  usage: 'connect-okta [slug]',
  summary: 'give StackFlow read access to the Okta org, and create the endpoint for the event hook of the org',
  examples: ['tenants connect-okta acme --domain acme.okta.com --app-id 0oa1abc --api-token-file token.txt'],
  options: (command) =>
    audited(command)
      .requiredOption('--domain <domain>', 'the Okta org, e.g. your-org.okta.com')
      .requiredOption('--app-id <id>', 'id of the StackFlow app: 0oa... in the URL of its page in the Admin Console')
      .requiredOption('--api-token-file <file>', 'file with the API token of Okta; - means standard input')
      .option('--rotate-hook-secret', 'issue a new secret for the event hook and show it once')
      .addOption(grace('with --rotate-hook-secret: how long the old one stays valid')),
  run: onTenant(async (hub, slug, { flags, stdin, typed }) => {
    const result = await hub.connectOkta(slug, {
      domain: flags.domain.trim().toLowerCase(),
      appId: flags.appId.trim(),
      apiToken: await secretFrom(flags.apiTokenFile, stdin, 'API token of Okta'),
      rotateHookSecret: flags.rotateHookSecret ?? false,
      graceMs: flags.grace,
      by: operator(flags.by),
    });
    return changed(result, describeOkta(result, typed), typed);
  }),
};

const disconnectOkta: CommandSpec<Flags> = {
  usage: 'disconnect-okta [slug]',
  summary: 'delete the API token and the secret of the event hook',
  options: audited,
  run: onTenant(async (hub, slug, { flags, typed }) => {
    const result = await hub.disconnectOkta(slug, operator(flags.by));
    return changed(result, describeOktaGone(result), typed);
  }),
};

interface SsoFlags extends Flags {
  readonly clientId: string;
  readonly clientSecretFile: string;
  readonly issuer?: string;
}

const connectSso: CommandSpec<SsoFlags> = {
  usage: 'connect-sso [slug]',
  summary: 'let people sign in through an OIDC app of the Okta org',
  examples: ['tenants connect-sso acme --client-id 0oa1def --client-secret-file -'],
  options: (command) =>
    audited(command)
      .requiredOption('--client-id <id>', 'client id of the OIDC app in Okta, 0oa...')
      .requiredOption(
        '--client-secret-file <file>',
        'file with the client secret of the OIDC app; - means standard input',
      )
      .option(
        '--issuer <url>',
        'issuer: a custom authorization server, or the Okta org if connect-okta did not name it',
      ),
  run: onTenant(async (hub, slug, { flags, stdin, typed }) => {
    const { issuer } = flags;
    const result = await hub.connectSso(slug, {
      clientId: flags.clientId.trim(),
      clientSecret: await secretFrom(flags.clientSecretFile, stdin, 'client secret'),
      ...(issuer !== undefined && { issuer: issuer.trim() }),
      by: operator(flags.by),
    });
    return changed(result, describeSso(result), typed);
  }),
};

const disconnectSso: CommandSpec<Flags> = {
  usage: 'disconnect-sso [slug]',
  summary: 'end sign-in through Okta and delete the client secret',
  options: audited,
  run: onTenant(async (hub, slug, { flags, typed }) => {
    const result = await hub.disconnectSso(slug, operator(flags.by));
    return changed(result, describeSsoGone(result), typed);
  }),
};

const list: CommandSpec<Flags> = {
  usage: 'list',
  summary: 'all tenants',
  run: async (call) => {
    const { tenants } = await (await Services.of(call)).hub().tenants();
    const none = `There is no tenant yet. Create one: ${call.typed('tenants create <slug>')}`;
    return { text: tenants.length === 0 ? none : describeTenants(call.screen, tenants), json: tenants };
  },
};

const show: CommandSpec<Flags> = {
  usage: 'show [slug]',
  summary: 'show the settings of one tenant, and the addresses that Okta needs',
  run: onTenant(async (hub, slug, { typed }) => {
    const tenant: Json<HubTenant> = await hub.tenant(slug);
    const warning = warningText(tenant, typed);
    return { text: describeTenant(tenant), json: tenant, ...(warning !== undefined && { warning }) };
  }),
};

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
];
