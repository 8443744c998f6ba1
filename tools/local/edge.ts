/**
 * The edge: the one origin in front of the services, as an ingress is in production. It forwards only the paths of its
 * routes, so a service's `/health`, `/metrics` and `/internal` cannot be reached through it.
 */
import http from 'node:http';
import { createProxyServer } from 'http-proxy-3';
import { LocalProblem } from './problem.js';

export interface Route {
  /** The prefix `/scim/v2` covers that path and everything below it. */
  readonly prefix: string;
  /** True: the route covers only the path itself and nothing below it. For `/`, everything would be below it. */
  readonly exact?: boolean;
  readonly upstream: string;
  /** Format of the edge's own errors. Okta parses every answer of a SCIM server as JSON. */
  readonly errors: 'scim' | 'problem';
}

export interface Edge {
  readonly origin: string;
  readonly port: number;
  stop(): Promise<void>;
}

const UPSTREAM_LIMIT_MS = 90_000; // This is longer than Okta's 60 s, so that Okta reports its own time-out.
const PORTS_TO_TRY = 20;

/** Starts the edge on port `wanted`, or on the next free port after it. Port 0 means any free port. */
export async function startEdge(routes: readonly Route[], wanted: number): Promise<Edge> {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 64 });
  const server = http.createServer({ keepAliveTimeout: 75_000 }, handler(routes, agent));
  // A second listener for ::1, because "localhost" may mean either address.
  const server6 = http.createServer(
    { keepAliveTimeout: 75_000 },
    (request, response) => void server.emit('request', request, response),
  );
  const port = await listenNear(server, server6, wanted);
  return {
    port,
    origin: `http://localhost:${port}`,
    stop: async () => {
      await Promise.all([server, server6].map((s) => closeServer(s)));
      agent.destroy();
    },
  };
}

function handler(routes: readonly Route[], agent: http.Agent): http.RequestListener {
  const proxy = createProxyServer({ agent, xfwd: false, proxyTimeout: UPSTREAM_LIMIT_MS });
  proxy.on('proxyRes', (upstream, _request, response) => {
    // If a service dies in the middle of its answer, the caller must not wait for the rest.
    upstream.on('close', () => !upstream.complete && response.destroy());
  });
  return (request, response) => {
    const route = findRoute(routes, request.url ?? '/');
    if (!route) return refuse(response, 'problem', 404, notFound(request, routes));
    setForwarded(request);
    proxy.web(request, response, { target: route.upstream }, () => {
      if (response.headersSent) response.destroy();
      else
        refuse(
          response,
          route.errors,
          502,
          'The service behind this address does not answer at the moment. Repeat the request later.',
        );
    });
  };
}

/**
 * Returns the route whose prefix covers the path. A path with dot segments has no route, because a service might
 * resolve `/scim/v2/..` to another path than the edge does.
 */
export function findRoute(routes: readonly Route[], url: string): Route | undefined {
  const path = url.split(/[?#]/, 1)[0] ?? '/';
  if (path.split('/').some((segment) => /^(\.|%2e){1,2}$/i.test(segment)) || path.includes('\\')) return undefined;
  return routes.find(({ prefix, exact }) => path === prefix || (!exact && path.startsWith(`${prefix}/`)));
}

/** Replaces the client's forwarding headers, because only the edge knows the true values. */
function setForwarded(request: http.IncomingMessage): void {
  const { headers } = request;
  for (const name of Object.keys(headers))
    if (/^(x-forwarded-.*|forwarded|x-real-ip)$/.test(name)) delete headers[name];
  headers['x-forwarded-for'] = request.socket.remoteAddress ?? 'unknown';
  headers['x-forwarded-proto'] = 'http';
  if (headers.host) headers['x-forwarded-host'] = headers.host;
}

const notFound = (request: http.IncomingMessage, routes: readonly Route[]): string =>
  `The edge has no route for ${(request.url ?? '/').split('?', 1)[0]}. Its routes are ${routes.map((r) => (r.exact ? r.prefix : `${r.prefix}/*`)).join(', ')}, for example ${routes[0]?.prefix}/ServiceProviderConfig.`;

function refuse(response: http.ServerResponse, form: Route['errors'], status: 404 | 502, detail: string): void {
  const body =
    form === 'scim'
      ? { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status), detail }
      : { type: 'about:blank', title: http.STATUS_CODES[status], status, detail };
  response.writeHead(status, {
    'content-type': form === 'scim' ? 'application/scim+json' : 'application/problem+json',
    'cache-control': 'no-store',
  });
  response.end(JSON.stringify(body));
}

// ---- listening --------------------------------------------------------------------------------------------------

async function listenNear(server: http.Server, server6: http.Server, wanted: number): Promise<number> {
  for (let attempt = 0; attempt < PORTS_TO_TRY; attempt++) {
    const port = wanted === 0 ? 0 : wanted + attempt;
    const taken = port > 65_535 || !(await listen(server, port, '127.0.0.1'));
    if (taken) continue;
    const { port: actual } = server.address() as { port: number };
    if (await listen(server6, actual, '::1')) return actual;
    await closeServer(server);
  }
  throw new LocalProblem(
    `The ports ${wanted} to ${wanted + PORTS_TO_TRY - 1} are all taken. Name a free one: PORT=9000 npm start`,
  );
}

/** Starts to listen. Returns false if another process uses the port, and true for ::1 on a machine without IPv6. */
function listen(server: http.Server, port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else if (host === '::1' && /^(EADDRNOTAVAIL|EAFNOSUPPORT)$/.test(error.code ?? '')) resolve(true);
      else
        reject(
          new LocalProblem(`Cannot listen on port ${port}: ${error.message}. Name another one: PORT=9000 npm start`),
        );
    };
    server.once('error', onError);
    server.listen({ port, host, exclusive: true }, () => {
      server.off('error', onError);
      resolve(true);
    });
  });
}

function closeServer(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 1_000).unref();
  });
}
