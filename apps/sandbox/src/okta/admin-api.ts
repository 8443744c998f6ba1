/** The sandbox Okta's control API: connects a tenant's app, runs verbs and lists failed tasks. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Logger } from '#platform';
import { controlRoutes } from '../control/control-routes.js';
import { createListener, parseControl } from '../listener.js';
import { serveFirstPage } from '../page.js';
import { eventHookRoutes } from './hooks/control.js';
import type { Management } from './management/api-call.js';
import { managementControlRoutes } from './management/control.js';
import { managementApi } from './management/management-api.js';
import { modes, type OktaApp } from './model.js';
import { oidcControlRoutes } from './oidc/control.js';
import type { OidcProvider } from './oidc/provider.js';
import { oidcRoutes } from './oidc/routes.js';
import { universalLogoutRoutes } from './oidc/universal-logout-control.js';
import type { UniversalLogout } from './oidc/universal-logout.js';
import { verbNames, type Okta } from './okta.js';
import { headerText, slugIn, tenantRoutes } from './tenant-route.js';

const appBody = z.object({
  scimBaseUrl: z.url({ protocol: /^https?$/ }),
  /** An existing app keeps its token if the request has none. */
  token: headerText.optional(),
  mode: z.enum(modes).default('aiw'),
  authStyle: z.enum(['bearer', 'header']).default('bearer'),
  importGroups: z.boolean().default(true),
  deactivateUsers: z.boolean().default(true),
});
const runQuery = z.object({
  mode: z.enum(modes).optional(),
  pace: z.coerce.number().int().min(0).max(60_000).optional(),
});

/** The app without its token. As in Okta, the token can be written but never read. */
const view = (app: OktaApp): object => ({ ...app, token: '****' });

export interface OktaParts {
  readonly okta: Okta;
  readonly management: Management;
  readonly oidc: OidcProvider;
  readonly logout: UniversalLogout;
}

const FIRST_PAGE = {
  product: 'Sandbox Okta',
  about:
    'This server stands in for Okta on this machine: it pushes people and groups over SCIM, signs people in, and sends event hooks. It has no console; you administer it with commands.',
  commands: {
    'npm run okta -- assign ada@example.com': 'assigns a person to the StackFlow app and pushes the person',
    'npm run okta -- push-group StackFlow-Agents ada@example.com': 'pushes a group with its members',
    'npm run okta -- list': 'shows people and groups',
    'npm run okta -- --help': 'shows all commands',
  },
  paths: {
    '/sandbox/apps': 'the StackFlow app of each tenant',
    '/.well-known/openid-configuration': 'the OpenID provider',
    '/sandbox/calls': 'the last calls of the Management API and of sign-ins',
  },
};

export function createOktaListener({ okta, management, oidc, logout }: OktaParts, logger: Logger): FastifyInstance {
  const app = createListener();
  serveFirstPage(app, FIRST_PAGE);
  const { store } = okta;
  const route = tenantRoutes(app, (slug) => store.app(slug));

  app.get('/sandbox/verbs', () => ({ verbs: verbNames }));
  app.get('/sandbox/apps', async () => ({ apps: (await store.apps()).map(view) }));
  app.put('/sandbox/apps/:slug', async ({ params, body }) => {
    const slug = slugIn(params);
    const settings = parseControl(appBody, body);
    const token = settings.token ?? (await store.app(slug)).token;
    return view(await store.saveApp({ slug, ...settings, token }));
  });
  route('get', '', view);
  route('get', '/people', async ({ slug }) => ({ people: await store.people(slug) }));
  route('get', '/groups', async ({ slug }) => ({ groups: await store.groups(slug) }));
  route('get', '/tasks', async ({ slug }) => ({ tasks: await store.tasks(slug) }));
  route('delete', '/tasks', async ({ slug }) => {
    await store.clearTasks(slug);
    return { tasks: [] };
  });
  app.post<{ Params: { verb: string } }>('/sandbox/apps/:slug/:verb', async ({ params, query, body }) => {
    const { mode, pace } = parseControl(runQuery, query);
    return okta.run(slugIn(params), params.verb, body, { mode, paceMs: pace });
  });
  eventHookRoutes(route, okta);
  managementControlRoutes(route, management);
  oidcControlRoutes(app, route, oidc);
  universalLogoutRoutes(route, store, oidc.clients, logout);
  controlRoutes(app, management.faults, management.calls);
  void app.register(async (api) => managementApi(api, management, logger), { prefix: '/api/v1' });
  oidcRoutes(app, oidc, logger);
  return app;
}
