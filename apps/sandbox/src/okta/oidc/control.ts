/** `/sandbox/apps/<tenant>/oidc-client` and `/sandbox/oidc`: clients, faults, keys, and tokens without a login. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ControlError, parseControl } from '../../listener.js';
import type { OktaApp } from '../model.js';
import { clientFault, serverFault } from './faults.js';
import { clientSettings, seconds, serverIds, type Client } from './model.js';
import { OAuthError } from './oauth-error.js';
import type { OidcProvider } from './provider.js';
import { scopesAt } from './servers.js';

type TenantOf = (params: unknown) => Promise<OktaApp>;

/** A tenant has one client, unless `?label=mobile` or the like names another one. */
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
  /** Without scopes: all scopes that the server knows. */
  scopes: z.array(z.string().min(1)).min(1).max(50).optional(),
  nonce: z.string().nullable().default(null),
});

export function oidcControlRoutes(app: FastifyInstance, oidc: OidcProvider, tenantOf: TenantOf): void {
  clientRoutes(app, oidc, tenantOf);
  clientFaultRoutes(app, oidc, tenantOf);
  serverRoutes(app, oidc);
}

const PATH = '/sandbox/apps/:slug/oidc-client';

async function clientIn(oidc: OidcProvider, request: FastifyRequest, tenantOf: TenantOf): Promise<Client> {
  const { slug } = await tenantOf(request.params);
  return oidc.clients.byLabel(slug, parseControl(labelQuery, request.query).label);
}

function clientRoutes(app: FastifyInstance, oidc: OidcProvider, tenantOf: TenantOf): void {
  /** The secret can be read once, when it is created. */
  const view = ({ secret: _secret, orgId: _orgId, settings, ...client }: Client, clientSecret?: string): object => ({
    ...client,
    ...settings,
    ...(clientSecret !== undefined && { clientSecret }),
    issuers: Object.fromEntries(serverIds.map((id) => [id, oidc.server(id).issuer])),
  });

  app.put(PATH, async (request) => {
    const { slug } = await tenantOf(request.params);
    const { label } = parseControl(labelQuery, request.query);
    const { client, secretIsNew } = await oidc.clients.save(slug, label, parseControl(clientSettings, request.body));
    return view(client, secretIsNew ? (client.secret ?? undefined) : undefined);
  });
  app.get(PATH, async (request) => view(await clientIn(oidc, request, tenantOf)));
  app.delete(PATH, async (request) => {
    await oidc.clients.remove(await clientIn(oidc, request, tenantOf));
    return { clientId: null };
  });
  app.post(`${PATH}/secret`, async (request) => {
    const client = await clientIn(oidc, request, tenantOf);
    return view(client, await oidc.clients.newSecret(client));
  });
  app.post(`${PATH}/tokens`, async (request) => {
    const client = await clientIn(oidc, request, tenantOf);
    const { login, ...asked } = parseControl(mintBody, request.body);
    return mint(oidc, client, login, asked);
  });
}

/** Tokens as after a login of this person just now, with the next injected fault. */
async function mint(
  oidc: OidcProvider,
  client: Client,
  personId: string,
  asked: Omit<z.output<typeof mintBody>, 'login'>,
): Promise<object> {
  try {
    const scopes = asked.scopes ?? scopesAt(asked.server, client);
    const subject = await oidc.subject(client, { ...asked, scopes, personId, authTime: seconds(Date.now()) });
    return await oidc.tokens.issue(subject, oidc.clientFaults.take(client.clientId));
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    // Towards a client, Okta's message is the same for an unknown, a suspended and an unassigned person.
    throw new ControlError(
      409,
      `${error.message} "${personId}" must be ACTIVE and assigned to the app; "list" shows who is.`,
    );
  }
}

function clientFaultRoutes(app: FastifyInstance, oidc: OidcProvider, tenantOf: TenantOf): void {
  const path = `${PATH}/faults`;
  const { clientFaults } = oidc;
  app.get(path, async (request) => ({
    faults: clientFaults.list((await clientIn(oidc, request, tenantOf)).clientId),
  }));
  app.post(path, async (request) => {
    const { clientId } = await clientIn(oidc, request, tenantOf);
    clientFaults.add(clientId, parseControl(clientFault, request.body));
    return { faults: clientFaults.list(clientId) };
  });
  app.delete(path, async (request) => {
    clientFaults.clear((await clientIn(oidc, request, tenantOf)).clientId);
    return { faults: [] };
  });
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
