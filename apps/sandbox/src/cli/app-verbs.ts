import {
  choice,
  collect,
  EXIT,
  fields,
  flag,
  negation,
  option,
  required,
  secretFrom,
  usage,
  type AnyCommand,
} from '#command-line';
import { command, OktaClient, onApp, TOKEN_KINDS } from './client.js';
import { logoutText } from './lines.js';
import { answerOf } from './verbs.js';

const connect = command({
  usage: 'connect',
  summary: "set the SCIM Connector Base URL and token of the app (in Okta's console: Provisioning -> Integration)",
  examples: [
    'connect --token-file -',
    'connect --tenant acme --scim-base-url https://acme.example/prod/api/scim/v2 --token-file token.txt',
  ],
  options: {
    scimBaseUrl: option('--scim-base-url <url>', "SCIM Connector Base URL; default: the URL of the stack's tenant"),
    tokenFile: option(
      '--token-file <file>',
      "file with the SCIM token (- means standard input); default: the token of the stack's tenant",
    ),
    mode: choice('--mode <mode>', 'dialect of the app', ['aiw', 'oin'], 'aiw'),
    deactivateUsers: negation('--no-deactivate-users', 'do not push when a person is unassigned or deactivated'),
    header: flag('--header', 'send the token without "Bearer", as a catalog app does if its setting is "Header"'),
  },
  run: async ({ env, flags, stdin, typed }) => {
    const okta = new OktaClient(env);
    const complete = flags.tenant !== undefined && flags.scimBaseUrl !== undefined && flags.tokenFile !== undefined;
    const known = complete ? undefined : okta.stackTenant(flags.tenant);
    const slug = flags.tenant ?? known?.slug ?? '';
    const file = flags.tokenFile;
    const token =
      file === undefined ? known?.scimToken : await secretFrom(file, stdin, 'SCIM token', { min: 1, max: 4_096 });
    if (!token)
      throw usage('error: the stack describes no SCIM token of this tenant. Give the token with --token-file <file>.');
    const body = {
      scimBaseUrl: flags.scimBaseUrl ?? known?.scimBaseUrl,
      token,
      mode: flags.mode,
      authStyle: flags.header ? 'header' : 'bearer',
      deactivateUsers: flags.deactivateUsers,
    };
    const app = await okta.call<{ appId: string; scimBaseUrl: string }>('PUT', slug, '', body);
    const text = `The app ${app.appId} of "${slug}" now pushes to ${app.scimBaseUrl}. Test the connection: ${typed(`test-connection --tenant ${slug}`)}`;
    return { text, json: app };
  },
});

const apiToken = command({
  usage: 'api-token',
  summary: 'create an API token (Security -> API -> Tokens) and show it with the id of the app, or revoke all',
  options: {
    rights: choice('--rights <rights>', 'rights of its owner', ['admin', 'none'], 'admin'),
    revoke: flag('--revoke', 'revoke every API token of the org'),
  },
  run: onApp(async (okta, slug, { flags }) => {
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
  }),
});

const eventHook = command({
  usage: 'event-hook',
  summary: 'create and verify the event hook (Workflow -> Event Hooks)',
  options: {
    endpoint: required('--endpoint <url>', 'Endpoint URL'),
    secretFile: required('--secret-file <file>', 'file with the authentication secret (- means standard input)'),
  },
  run: onApp(async (okta, slug, { flags, stdin }) => {
    const secret = await secretFrom(flags.secretFile, stdin, 'authentication secret', { min: 1, max: 4_096 });
    const json = await okta.call('PUT', slug, '/event-hook', { url: flags.endpoint, secret });
    return { text: `The event hook at ${flags.endpoint} is verified and active.`, json };
  }),
});

const oidcApp = command({
  usage: 'oidc-app',
  summary: 'create or change the OIDC app, and show its client id and, once, its secret',
  options: {
    redirectUri: required('--redirect-uri <uri>', 'sign-in redirect URI (repeatable)', collect),
    signOutUri: option('--sign-out-uri <uri>', 'sign-out redirect URI (repeatable)', collect),
  },
  run: onApp(async (okta, slug, { flags }) => {
    const body = { redirectUris: flags.redirectUri, postLogoutRedirectUris: flags.signOutUri ?? [] };
    const json = await okta.call<{ clientId: string; clientSecret?: string }>('PUT', slug, '/oidc-client', body);
    const rows = [
      ['Client ID', json.clientId],
      ['Client secret', json.clientSecret ?? '(as before)'],
    ] as const;
    return { text: fields(rows), json };
  }),
});

/** To repeat a failed task of one of these verbs, Okta sends the whole member list, as for "Push now". */
const GROUP_VERBS: readonly string[] = ['push-group', 'push-now', 'rename-group', 'add-member', 'remove-member'];
const BODILESS: readonly string[] = ['import', 'test-connection'];

const retryTasks = command({
  usage: 'retry-tasks',
  summary: "repeat the failed provisioning tasks (in Okta's console: Dashboard -> Tasks -> Retry Selected)",
  run: onApp(async (okta, slug) => {
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
  }),
});

const dismiss = command({
  usage: 'dismiss',
  summary: 'dismiss the failed provisioning tasks without repeating them',
  run: onApp(async (okta, slug) => {
    const json = await okta.call('DELETE', slug, '/tasks');
    return { text: 'The failed tasks are dismissed.', json };
  }),
});

const FAULTS = ['wrong-key', 'wrong-typ', 'wrong-iss', 'wrong-sub', 'wrong-aud', 'expired', 'replay'] as const;

const universalLogout = command({
  usage: 'universal-logout <login>',
  summary: 'end all sessions of a person, both with Okta and (by Universal Logout) with the app',
  options: { fault: choice('--fault <fault>', 'fault to put into the Universal Logout request', FAULTS) },
  run: onApp(async (okta, slug, { args, flags }) => {
    const result = await okta.universalLogout(slug, args[0] ?? '', flags.fault);
    const accepted = result.attempts.every(({ status }) => status === 204);
    return { text: logoutText(result), json: result, exitCode: accepted ? EXIT.ok : EXIT.refused };
  }),
});

/** Prints only the token, so that a shell can use `$(npm run --silent okta -- token ...)`. */
const token = command({
  usage: 'token <login>',
  summary:
    "get a token as if this person had signed in through the tenant's OIDC client; they must be assigned to the app",
  options: {
    kind: choice('--kind <kind>', 'which token', TOKEN_KINDS, 'access_token'),
    scope: option('--scope <scopes>', 'scopes of the token, separated by commas'),
  },
  run: onApp(async (okta, slug, { args, flags }) => {
    const text = await okta.token(slug, args[0] ?? '', flags.kind, flags.scope?.split(','));
    return { text, json: { kind: flags.kind, token: text } };
  }),
});

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
