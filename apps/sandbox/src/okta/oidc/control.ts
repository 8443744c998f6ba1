/**
 * The routes `/sandbox/apps/<tenant>/oidc-client` and `/sandbox/oidc` manage clients, faults and keys, and issue tokens
 * without a login.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ControlError, parseControl } from '../../listener.js';
import type { TenantRoute } from '../tenant-route.js';
import { clientFault, serverFault } from './faults.js';
import { clientSettings, seconds, serverIds, type Client } from './model.js';
import { OAuthError } from './oauth-error.js';
import type { OidcProvider } from './provider.js';
import { scopesAt } from './servers.js';

const labelQuery = z.object({
  label: z
    .string()
    .regex(/^[a-z0-9-]{1,50}$/)
    .default('stackflow'),
});
const serverQuery = z.object({ server: z.enum(serverIds).optional() });
const mintBody = z.object({
  login: z.string().min(1).max(200),
  server: z.enum(serverIds).default('default'),
  /** Requested scopes. The default is all scopes that the client can request from the server. */
  scopes: z.array(z.string().min(1)).min(1).max(50).optional(),
  nonce: z.string().nullable().default(null),
});

export function oidcControlRoutes(app: FastifyInstance, route: TenantRoute, oidc: OidcProvider): void {
  clientRoutes(route, oidc);
  serverRoutes(app, oidc);
}

function clientRoutes(route: TenantRoute, oidc: OidcProvider): void {
  const { clients, clientFaults } = oidc;
  const labelIn = (query: unknown): string => parseControl(labelQuery, query).label;
  const about = (
    method: 'get' | 'post' | 'delete',
    path: string,
    handler: (client: Client, body: unknown) => unknown,
  ): void =>
    route(method, `/oidc-client${path}`, async ({ slug }, { query, body }) =>
      handler(await clients.byLabel(slug, labelIn(query)), body),
    );
  /** Describes a client. The answer contains the secret only if this request created the secret. */
  const view = ({ secret: _secret, orgId: _orgId, settings, ...client }: Client, clientSecret?: string): object => ({
    ...client,
    ...settings,
    ...(clientSecret !== undefined && { clientSecret }),
    issuers: Object.fromEntries(serverIds.map((id) => [id, oidc.server(id).issuer])),
  });

  route('put', '/oidc-client', async ({ slug }, { query, body }) => {
    const { client, secretIsNew } = await clients.save(slug, labelIn(query), parseControl(clientSettings, body));
    return view(client, secretIsNew ? (client.secret ?? undefined) : undefined);
  });
  about('get', '', (client) => view(client));
  about('delete', '', async (client) => {
    await clients.remove(client);
    return { clientId: null };
  });
  about('post', '/secret', async (client) => view(client, await clients.newSecret(client)));
  about('post', '/tokens', async (client, body) => mint(oidc, client, parseControl(mintBody, body)));

  about('get', '/faults', ({ clientId }) => ({ faults: clientFaults.list(clientId) }));
  about('post', '/faults', ({ clientId }, body) => {
    clientFaults.add(clientId, parseControl(clientFault, body));
    return { faults: clientFaults.list(clientId) };
  });
  about('delete', '/faults', ({ clientId }) => {
    clientFaults.clear(clientId);
    return { faults: [] };
  });
}

/** Issues tokens as if this person had just signed in, with the client's next injected fault. */
async function mint(oidc: OidcProvider, client: Client, body: z.output<typeof mintBody>): Promise<object> {
  const { login, ...asked } = body;
  try {
    const scopes = asked.scopes ?? scopesAt(asked.server, client);
    const subject = await oidc.subject(client, { ...asked, scopes, personId: login, authTime: seconds(Date.now()) });
    return await oidc.tokens.issue(subject, oidc.clientFaults.take(client.clientId));
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw new ControlError(
      409,
      `${error.message} "${login}" must be ACTIVE and assigned to the app; "list" shows the status and the assignment.`,
    );
  }
}

function serverRoutes(app: FastifyInstance, oidc: OidcProvider): void {
  const { serverFaults, keys } = oidc;
  const serversIn = (request: FastifyRequest) => {
    const { server } = parseControl(serverQuery, request.query);
    return server ? [server] : serverIds;
  };
  app.post('/sandbox/oidc/rotate-keys', async (request) => ({ kids: await keys.rotate(serversIn(request)) }));
  app.delete('/sandbox/oidc/rotate-keys', async (request) => ({ kids: await keys.dropRetired(serversIn(request)) }));
  app.get('/sandbox/oidc/keys', async () => ({ kids: await keys.kids() }));
  app.get('/sandbox/oidc/foreign-keys', async () => ({ keys: [(await oidc.tokens.foreignKey()).publicJwk] }));

  app.get('/sandbox/oidc/faults', () => ({ faults: serverFaults.all() }));
  app.post('/sandbox/oidc/faults', (request) => {
    const fault = parseControl(serverFault, request.body);
    serverFaults.add(`${fault.server} ${fault.endpoint}`, fault);
    return { faults: serverFaults.all() };
  });
  app.delete('/sandbox/oidc/faults', () => {
    serverFaults.clearAll();
    return { faults: [] };
  });
}
