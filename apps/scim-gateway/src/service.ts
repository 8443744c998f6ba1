import type { FastifyServerOptions } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createBus } from '#event-bus';
import type { ServiceDefinition } from '#platform';
import { LIMITS, ScimError } from '#scim';
import { TenantSettingsEntity } from '#settings';
import { ScimRequestEntity } from './activity/scim-request.entity.js';
import { ScimTokenUseEntity } from './activity/token-use.entity.js';
import { gatewaySettings } from './config.js';
import { installBodyParser } from './http/body.js';
import { SCIM_TYPE } from './http/context.js';
import { rawScimError } from './http/errors.js';
import { ScimHooks } from './http/hooks.js';
import { Directory1764000000000 } from './migrations/0001-directory.js';
import { GroupEntity } from './resources/groups/group.entity.js';
import { MemberEntity } from './resources/groups/member.entity.js';
import { UserEntity } from './resources/users/user.entity.js';
import { GATEWAY, ScimGatewayModule } from './scim-gateway.module.js';

/** These options read `scimHooks` at each request, because Fastify is created before the Nest module. */
const fastify: FastifyServerOptions & { http: { requireHostHeader: boolean } } = {
  // By default, Node itself refuses a request without a Host header, and its answer has no body.
  http: { requireHostHeader: false },
  bodyLimit: LIMITS.userBody.bytes,
  rewriteUrl({ url = '/' }) {
    return this.scimHooks.basePaths.rewrite(url);
  },
  routerOptions: { maxParamLength: 16_384, ignoreTrailingSlash: true },
  frameworkErrors: (error, request, reply) => void request.server.scimHooks.answerUnroutable(error, request, reply),
  clientErrorHandler: answerMalformedHttp,
};

export const service: ServiceDefinition<typeof gatewaySettings> = {
  name: GATEWAY,
  summary: 'Accepts SCIM 2.0 pushes from Okta and Entra ID, stores the directory, and publishes its changes.',
  config: gatewaySettings,
  database: {
    schema: 'directory',
    migrations: [Directory1764000000000],
    entities: [UserEntity, GroupEntity, MemberEntity, ScimRequestEntity, ScimTokenUseEntity, TenantSettingsEntity],
  },
  module: () => ScimGatewayModule,
  strategies: (platform) => [
    createBus(platform.config, platform).strategy(GATEWAY, { topics: ['integration.settings'] }),
  ],
  fastify,
  configure: (app) => {
    const server = app.getHttpAdapter().getInstance();
    installBodyParser(server);
    app.get(ScimHooks).install(server);
    server.server.on('checkExpectation', refuseExpectation);
  },
};

/** Refuses every `Expect` except `100-continue`. Node's own answer would have no body. */
function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const error = new ScimError(417, 'The header Expect may only have the value 100-continue. Leave the header out.');
  const body = JSON.stringify(error.body());
  const headers = { 'content-type': SCIM_TYPE, 'content-length': Buffer.byteLength(body), connection: 'close' };
  response.writeHead(error.status, headers).end(body);
}

function answerMalformedHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const detail = 'The request took too long to arrive. Send it again over a faster connection, or split it.';
    socket.end(rawScimError(408, 'Request Timeout', detail));
    socket.destroySoon();
    return;
  }
  const [status, reason, detail] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ([431, 'Request Header Fields Too Large', 'The headers of the request are too large.'] as const)
      : ([400, 'Bad Request', 'The request is not well-formed HTTP.'] as const);
  socket.end(rawScimError(status, reason, detail));
}
