/** The gateway as a service: configuration, database, module, and how Fastify is set up. */
import type { FastifyHttpOptions, FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createBus, type Bus } from '#event-bus';
import type { PlatformContext, ServiceDefinition } from '#platform';
import { LIMITS, ScimError } from '#scim';
import { SecretStore } from '#secrets';
import { gatewaySettings, type GatewayConfig } from './config.js';
import { GatewayModule } from './gateway.module.js';
import { installBodyParser } from './http/body.js';
import { basePaths, CANONICAL_BASE, Guard, rewriteUrl } from './http/guard.js';
import { answerUnroutable, installHooks } from './http/hooks.js';
import { rawScimError } from './http/scim-errors.js';
import { SCIM_TYPE } from './http/scim-request.js';
import { Directory1764000000000 } from './migrations/1764000000000-directory.js';
import { RequestLog } from './requests/request-log.js';

/** Longer than the idle time-out of common load balancers, so that they never send into a connection that closes. */
const KEEP_ALIVE_MS = 75_000;

/** `installHooks` refuses a request without Host in words: Node's own answer has no body. */
const HTTP: Pick<FastifyHttpOptions<Server>, 'http'> = { http: { requireHostHeader: false } };

export function scimGateway(): ServiceDefinition<typeof gatewaySettings> {
  // Fastify is made before the module, so what depends on the configuration is filled in when the module is made.
  let bases: readonly string[] = [CANONICAL_BASE];
  let bus: Bus | undefined;
  let unroutable: (error: unknown, request: FastifyRequest, reply: FastifyReply) => Promise<void> = async (
    _error,
    _request,
    reply,
  ) => void reply.status(503).send();
  const busOf = (platform: PlatformContext<GatewayConfig>): Bus => (bus ??= createBus(platform.config, platform));
  return {
    name: 'scim-gateway',
    summary: 'takes SCIM 2.0 pushes from Okta and Entra ID, keeps the directory, publishes what changed',
    config: gatewaySettings,
    database: { schema: 'directory', migrations: [Directory1764000000000] },
    module: (platform) => {
      bases = basePaths(platform.config);
      return GatewayModule.for(platform, busOf(platform));
    },
    strategies: (platform) => [busOf(platform).strategy('scim-gateway', { topics: ['integration.settings'] })],
    fastify: {
      ...HTTP,
      bodyLimit: LIMITS.bodyBytes,
      keepAliveTimeout: KEEP_ALIVE_MS,
      rewriteUrl: (request) => rewriteUrl(request.url ?? '/', bases),
      routerOptions: { maxParamLength: 16_384, ignoreTrailingSlash: true },
      frameworkErrors: (error, request, reply) => void unroutable(error, request, reply),
      clientErrorHandler: answerMalformedHttp,
    },
    configure: (app, platform) => {
      const server = app.getHttpAdapter().getInstance();
      const parts = { guard: app.get(Guard), requestLog: app.get(RequestLog), platform };
      unroutable = (error, request, reply) => answerUnroutable(parts, error, request, reply);
      installBodyParser(server);
      installHooks(server, parts);
      server.server.on('checkExpectation', refuseExpectation);
      server.addHook('onClose', async () => app.get(SecretStore).close());
    },
  };
}

/** For any `Expect` but `100-continue`; Node's own answer has no body. */
function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const error = new ScimError(417, 'The header Expect may have the value 100-continue only. Leave it out.');
  const body = JSON.stringify(error.body());
  const headers = { 'content-type': SCIM_TYPE, 'content-length': Buffer.byteLength(body), connection: 'close' };
  response.writeHead(error.status, headers).end(body);
}

function answerMalformedHttp(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, reason, detail] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ([431, 'Request Header Fields Too Large', 'The headers of the request are too large.'] as const)
      : ([400, 'Bad Request', 'The request is not well-formed HTTP.'] as const);
  socket.end(rawScimError(status, reason, detail));
}
