/** The verbs for an administrator of Okta: the app, its event hook, its OIDC client, API tokens, and failed tasks. */
import { Option } from 'commander';
import { collect, EXIT, fields, secretFrom, type AnyCommand, type CommandSpec } from '#command-line';
import type { Mode } from '../okta/model.js';
import { OktaClient, TOKEN_KINDS, type TokenKind } from './client.js';
import { logoutText } from './lines.js';
import { answerOf, type TenantFlags } from './verbs.js';

interface ConnectFlags extends TenantFlags {
  readonly scimBaseUrl?: string;
  readonly tokenFile?: string;
  readonly mode: Mode;
  readonly header?: boolean;
}

const connect: CommandSpec<ConnectFlags> = {
  usage: 'connect',
  summary: "set the SCIM Connector Base URL and token of the app (in Okta's console: Provisioning -> Integration)",
  examples: [
    'connect --token-file -',
    'connect --tenant acme --scim-base-url https://acme.example/prod/api/scim/v2 --token-file token.txt',
  ],
  options: (command) =>
    command
      .option('--scim-base-url <url>', "SCIM Connector Base URL; default: the URL of the stack's tenant")
      .option(
        '--token-file <file>',
        "file with the SCIM token (- means standard input); default: the token of the stack's tenant",
      )
      .addOption(new Option('--mode <mode>', 'dialect of the app').choices(['aiw', 'oin']).default('aiw'))
      .option('--header', 'send the token without "Bearer", like the choice "Header" of a catalogue app'),
  run: async ({ env, flags, stdin, typed }) => {
    const okta = new OktaClient(env);
    const complete = flags.tenant !== undefined && flags.scimBaseUrl !== undefined && flags.tokenFile !== undefined;
    const known = complete ? undefined : okta.stackTenant(flags.tenant);
    const slug = flags.tenant ?? known?.slug ?? '';
    const file = flags.tokenFile;
    const token =
      file === undefined ? known?.scimToken : await secretFrom(file, stdin, 'SCIM token', { min: 1, max: 4_096 });
    const body = {
      scimBaseUrl: flags.scimBaseUrl ?? known?.scimBaseUrl,
      token: token ?? '',
      mode: flags.mode,
      authStyle: flags.header ? 'header' : 'bearer',
    };
    const app = await okta.call<{ appId: string; scimBaseUrl: string }>('PUT', slug, '', body);
    const text = `The app ${app.appId} of "${slug}" now pushes to ${app.scimBaseUrl}. Test the connection: ${typed(`test-connection --tenant ${slug}`)}`;
    return { text, json: app };
  },
};

const apiToken: CommandSpec<TenantFlags & { readonly rights: string; readonly revoke?: boolean }> = {
  usage: 'api-token',
  summary: 'create an API token (Security -> API -> Tokens) and show it with the id of the app, or revoke all',
  options: (command) =>
    command
      .addOption(new Option('--rights <rights>', 'rights of its owner').choices(['admin', 'none']).default('admin'))
      .option('--revoke', 'revoke every API token of the org'),
  run: async ({ env, flags }) => {
    const okta = new OktaClient(env);
    const slug = await okta.app(flags.tenant);
    if (flags.revoke) {
      const json = await okta.call('DELETE', slug, '/api-token');
      return { text: `Every API token of "${slug}" is revoked.`, json };
    }
    const json = await okta.call<{ appId: string; apiToken: string }>('POST', slug, '/api-token', {
      rights: flags.rights,
    });
    return {
      text: fields([
        ['Okta domain', 'sandbox.okta.com'],
        ['App id', json.appId],
        ['API token', json.apiToken],
      ]),
      json,
    };
  },
};

const eventHook: CommandSpec<TenantFlags & { readonly endpoint: string; readonly secretFile: string }> = {
  usage: 'event-hook',
  summary: 'create and verify the event hook (Workflow -> Event Hooks)',
  options: (command) =>
    command
      .requiredOption('--endpoint <url>', 'Endpoint URL')
      .requiredOption('--secret-file <file>', 'file with the authentication secret (- means standard input)'),
  run: async ({ env, flags, stdin }) => {
    const okta = new OktaClient(env);
    const secret = await secretFrom(flags.secretFile, stdin, 'authentication secret', { min: 1, max: 4_096 });
    const json = await okta.call('PUT', await okta.app(flags.tenant), '/event-hook', { url: flags.endpoint, secret });
    return { text: `The event hook at ${flags.endpoint} is verified and active.`, json };
  },
};

interface OidcFlags extends TenantFlags {
  readonly redirectUri: readonly string[];
  readonly signOutUri?: readonly string[];
}

const oidcApp: CommandSpec<OidcFlags> = {
  usage: 'oidc-app',
  summary: 'create or change the OIDC app, and show its client id and, once, its secret',
  options: (command) =>
    command
      .requiredOption('--redirect-uri <uri>', 'sign-in redirect URI (repeatable)', collect)
      .option('--sign-out-uri <uri>', 'sign-out redirect URI (repeatable)', collect),
  run: async ({ env, flags }) => {
    const okta = new OktaClient(env);
    const body = { redirectUris: flags.redirectUri, postLogoutRedirectUris: flags.signOutUri ?? [] };
    const slug = await okta.app(flags.tenant);
    const json = await okta.call<{ clientId: string; clientSecret?: string }>('PUT', slug, '/oidc-client', body);
    const rows = [
      ['Client ID', json.clientId],
      ['Client secret', json.clientSecret ?? '(as before)'],
    ] as const;
    return { text: fields(rows), json };
  },
};

/** Verbs that change a group. A retry of such a verb sends the whole member list instead, as Okta's "Push now" does. */
const GROUP_VERBS: readonly string[] = ['push-group', 'push-now', 'rename-group', 'add-member', 'remove-member'];
const BODILESS: readonly string[] = ['import', 'test-connection'];

const retryTasks: CommandSpec<TenantFlags> = {
  usage: 'retry-tasks',
  summary: "repeat the failed provisioning tasks (in Okta's console: Dashboard -> Tasks -> Retry Selected)",
  run: async ({ env, flags }) => {
    const okta = new OktaClient(env);
    const slug = await okta.app(flags.tenant);
    const { tasks } = await okta.list(slug, 'tasks');
    if (tasks.length === 0) return { text: 'No task has failed.', json: [] };
    await okta.call('DELETE', slug, '/tasks');
    const results = [];
    for (const [verb, subject] of new Map(
      tasks.map((t) => [`${t.verb} ${t.subject}`, [t.verb, t.subject] as const]),
    ).values()) {
      if (BODILESS.includes(verb)) results.push(await okta.run(slug, verb, {}));
      else if (GROUP_VERBS.includes(verb)) results.push(await okta.run(slug, 'push-now', { group: subject }));
      else results.push(await okta.run(slug, verb, verb === 'unlink-group' ? { group: subject } : { login: subject }));
    }
    return { ...answerOf(results), json: results };
  },
};

const dismiss: CommandSpec<TenantFlags> = {
  usage: 'dismiss',
  summary: 'dismiss the failed provisioning tasks without repeating them',
  run: async ({ env, flags }) => {
    const okta = new OktaClient(env);
    const json = await okta.call('DELETE', await okta.app(flags.tenant), '/tasks');
    return { text: 'The failed tasks are dismissed.', json };
  },
};

const FAULTS = ['wrong-key', 'wrong-typ', 'wrong-iss', 'wrong-sub', 'wrong-aud', 'expired', 'replay'] as const;

const universalLogout: CommandSpec<TenantFlags & { readonly fault?: string }> = {
  usage: 'universal-logout <login>',
  summary: 'end all sessions of a person, both with Okta and (by Universal Logout) with the app',
  options: (command) =>
    command.addOption(new Option('--fault <fault>', 'fault to put into the Universal Logout request').choices(FAULTS)),
  run: async ({ args, env, flags }) => {
    const okta = new OktaClient(env);
    const result = await okta.universalLogout(await okta.app(flags.tenant), args[0] ?? '', flags.fault);
    const accepted = result.attempts.every(({ status }) => status === 204);
    return { text: logoutText(result), json: result, exitCode: accepted ? EXIT.ok : EXIT.refused };
  },
};

/** Prints the token and nothing else, so that a shell can use `$(npm run --silent okta -- token ...)`. */
const token: CommandSpec<TenantFlags & { readonly kind: TokenKind; readonly scope?: string }> = {
  usage: 'token <login>',
  summary:
    "get a token of Okta for a person who is assigned to the app, as after a login with the tenant's OIDC client",
  options: (command) =>
    command
      .addOption(new Option('--kind <kind>', 'which token').choices(TOKEN_KINDS).default('access_token'))
      .option('--scope <scopes>', 'scopes of the token, separated by commas'),
  run: async ({ args, env, flags }) => {
    const okta = new OktaClient(env);
    const slug = await okta.app(flags.tenant);
    const text = await okta.token(slug, args[0] ?? '', flags.kind, flags.scope?.split(','));
    return { text, json: { kind: flags.kind, token: text } };
  },
};

export const appVerbs: readonly AnyCommand[] = [
  connect,
  apiToken,
  eventHook,
  oidcApp,
  retryTasks,
  dismiss,
  universalLogout,
  token,
];
