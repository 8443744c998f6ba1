/**
 * The control API of the sandbox Okta: connect a tenant's app, run an administrator's actions, list the failed tasks.
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Logger } from '#platform';
import { controlRoutes } from '../control/control-routes.js';
import { createListener, parseControl } from '../listener.js';
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

const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be a tenant slug such as "default"');
const appBody = z.object({
  scimBaseUrl: z.url({ protocol: /^https?$/ }),
  token: z
    .string()
    .min(1)
    .max(4096)
    .regex(/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/, 'must fit into an HTTP header'),
  mode: z.enum(modes).default('aiw'),
  authStyle: z.enum(['bearer', 'header']).default('bearer'),
  importGroups: z.boolean().default(true),
});
const runQuery = z.object({
  mode: z.enum(modes).optional(),
  pace: z.coerce.number().int().min(0).max(60_000).optional(),
});

/** The token can be written but never read, here too. */
const appView = ({ token: _token, ...app }: OktaApp): object => ({ ...app, token: '****' });

export interface OktaParts {
  readonly okta: Okta;
  readonly management: Management;
  readonly oidc: OidcProvider;
  readonly logout: UniversalLogout;
}

export function createOktaListener({ okta, management, oidc, logout }: OktaParts, logger: Logger): FastifyInstance {
  const app = createListener();
  const { store } = okta;
  const slugOf = (params: unknown): string => parseControl(z.object({ slug }), params).slug;
  const tenantOf = (params: unknown): Promise<OktaApp> => store.app(slugOf(params));

  app.get('/sandbox/verbs', () => ({ verbs: verbNames }));
  app.get('/sandbox/apps', async () => ({ apps: (await store.apps()).map(appView) }));
  app.put('/sandbox/apps/:slug', async (request) =>
    appView(await store.saveApp({ slug: slugOf(request.params), ...parseControl(appBody, request.body) })),
  );
  app.get('/sandbox/apps/:slug', async (request) => appView(await tenantOf(request.params)));
  app.get('/sandbox/apps/:slug/people', async (request) => ({
    people: await store.people((await tenantOf(request.params)).slug),
  }));
  app.get('/sandbox/apps/:slug/groups', async (request) => ({
    groups: await store.groups((await tenantOf(request.params)).slug),
  }));
  app.get('/sandbox/apps/:slug/tasks', async (request) => ({
    tasks: await store.tasks((await tenantOf(request.params)).slug),
  }));
  app.delete('/sandbox/apps/:slug/tasks', async (request) => {
    await store.clearTasks((await tenantOf(request.params)).slug);
    return { tasks: [] };
  });

  app.post('/sandbox/apps/:slug/:verb', async (request) => {
    const { verb } = request.params as { verb: string };
    const query = parseControl(runQuery, request.query);
    return okta.run(slugOf(request.params), verb, request.body, { mode: query.mode, paceMs: query.pace });
  });
  eventHookRoutes(app, okta, tenantOf);
  managementControlRoutes(app, management, tenantOf);
  oidcControlRoutes(app, oidc, tenantOf);
  universalLogoutRoutes(app, { store, clients: oidc.clients, logout }, tenantOf);
  controlRoutes(app, management.faults, management.calls);
  void app.register(async (api) => managementApi(api, management, logger), { prefix: '/api/v1' });
  oidcRoutes(app, oidc, logger);
  return app;
}
