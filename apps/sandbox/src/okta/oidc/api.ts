/** The endpoints that OIDC clients call, on both authorization servers. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '#platform';
import { introspect, revoke, userInfo } from './access-tokens.js';
import { authenticateClient } from './client-authentication.js';
import { disturb } from './faults.js';
import { serverIds, type Client, type ServerId } from './model.js';
import { OAuthError } from './oauth-error.js';
import type { OidcProvider } from './provider.js';
import { redeem } from './redeem.js';
import { metadata, serverAt, type Metadata } from './servers.js';

const DOCUMENTS = ['openid-configuration', 'oauth-authorization-server'] as const;

export function oidcApi(api: FastifyInstance, oidc: OidcProvider, logger: Logger): void {
  for (const id of serverIds) {
    const { path, issuer } = serverAt(id, '');
    const authenticated = (name: string, request: FastifyRequest): Promise<Client> =>
      authenticateClient(oidc, `${oidc.server(id).base}/${name}`, request.headers.authorization, request.body);

    for (const document of DOCUMENTS)
      api.get(`${issuer}/.well-known/${document}`, (_request, reply) => describe(oidc, id, reply));
    api.get(`${path}/keys`, (_request, reply) => keySet(oidc, id, reply));
    api.post(`${path}/token`, async (request, reply) =>
      token(oidc, id, await authenticated('token', request), request.body, noStore(reply)),
    );
    api.post(`${path}/introspect`, async (request, reply) =>
      noStore(reply).send(await introspect(oidc, id, await authenticated('introspect', request), request.body)),
    );
    api.post(`${path}/revoke`, async (request, reply) => {
      await revoke(oidc, id, await authenticated('revoke', request), request.body);
      return noStore(reply).status(200).send();
    });
    const info = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
      noStore(reply).send(await userInfo(oidc, id, request.headers.authorization));
    api.get(`${path}/userinfo`, info);
    api.post(`${path}/userinfo`, info);
  }
  oauthErrors(api, logger);
}

const noStore = (reply: FastifyReply): FastifyReply =>
  reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });

async function describe(oidc: OidcProvider, id: ServerId, reply: FastifyReply): Promise<FastifyReply> {
  const fault = oidc.serverFaults.take(`${id} metadata`);
  const server = oidc.server(id);
  if (await disturb(reply, fault, `${server.issuer}/.well-known/${DOCUMENTS[1]}`)) return reply;
  const said: Partial<Metadata> = metadata(server);
  if (fault?.fault === 'wrong-issuer') said.issuer = 'https://attacker.okta.example';
  if (fault?.fault === 'no-pkce') delete said.code_challenge_methods_supported;
  return reply.header('cache-control', 'max-age=86400, must-revalidate').send(said);
}

/**
 * Publishes the key set. The fault `redirect` leads to the keys of forged tokens, so a client that follows the redirect
 * accepts forged tokens.
 */
async function keySet(oidc: OidcProvider, id: ServerId, reply: FastifyReply): Promise<FastifyReply> {
  if (await disturb(reply, oidc.serverFaults.take(`${id} keys`), oidc.foreignKeysUrl)) return reply;
  return reply.header('cache-control', 'max-age=3600, must-revalidate').send(await oidc.keys.published(id));
}

async function token(
  oidc: OidcProvider,
  id: ServerId,
  client: Client,
  form: unknown,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const fault = oidc.clientFaults.take(client.clientId);
  if (await disturb(reply, fault, `${oidc.server(id).base}/token`)) return reply;
  const grant = await redeem(oidc, id, client, form);
  return reply.send(await oidc.tokens.issue(await oidc.subject(client, grant), fault));
}

function oauthErrors(api: FastifyInstance, logger: Logger): void {
  api.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (error instanceof OAuthError) {
      const scheme = error.code === 'invalid_client' ? 'Basic realm="Okta"' : `Bearer error="${error.code}"`;
      const asked = error.status !== 401 && error.status !== 403 ? {} : { 'www-authenticate': scheme };
      return noStore(reply).status(error.status).headers(asked).send(error.body);
    }
    const status = error.statusCode ?? 500;
    if (status >= 500) logger.error({ err: error, url: request.routeOptions.url }, 'sandbox OpenID provider failed');
    return reply.status(status).send({ error: status < 500 ? 'invalid_request' : 'server_error' });
  });
}
