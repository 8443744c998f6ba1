/** The edge before the services: the paths that it forwards, the others, and its answers when a service is dead. */
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { findRoute, startEdge, type Edge, type Route } from '../../tools/local/edge.js';
import { freePort } from '../../tools/local/ports.js';
import { exampleRoutes } from '../../tools/local/example.js';
import { edgeRoutes } from '../../tools/local/services.js';

interface Seen {
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

const routesTo = (upstream: string): Route[] =>
  ['/prod/api/scim/v2', '/scim/v2'].map((prefix) => ({ prefix, upstream, errors: 'scim' }));

describe('the edge', () => {
  let upstream: http.Server;
  let edge: Edge;
  let seen: Seen[] = [];
  let answer: http.RequestListener = (_request, response) => response.end('{}');

  beforeAll(async () => {
    upstream = http.createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        seen.push({ url: request.url ?? '', headers: request.headers, body });
        answer(request, response);
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    edge = await startEdge(routesTo(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`), 0);
  });
  afterAll(async () => {
    await edge.stop();
    await new Promise((resolve) => upstream.close(resolve));
  });
  beforeEach(() => {
    seen = [];
    answer = (_request, response) =>
      response.writeHead(201, { 'content-type': 'application/scim+json', location: 'http://x/1' }).end('{"ok":true}');
  });

  test('forwards a SCIM request unchanged, with query, body and host name', async () => {
    const response = await fetch(`${edge.origin}/prod/api/scim/v2/Users?filter=userName%20eq%20%22a%22`, {
      method: 'POST',
      body: '{"a":"ä"}',
      headers: { authorization: 'Bearer t' },
    });
    expect([response.status, response.headers.get('location'), await response.text()]).toEqual([
      201,
      'http://x/1',
      '{"ok":true}',
    ]);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      url: '/prod/api/scim/v2/Users?filter=userName%20eq%20%22a%22',
      body: '{"a":"ä"}',
      headers: { authorization: 'Bearer t', host: `localhost:${edge.port}` },
    });
  });

  test('replaces the forwarding headers of a client', async () => {
    const claims = {
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Host': 'evil',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Prefix': '/x',
      Forwarded: 'for=6.6.6.6',
      'X-Real-IP': '6.6.6.6',
    };
    await fetch(`${edge.origin}/scim/v2/Users`, { headers: claims });
    const { headers } = seen[0] as Seen;
    expect(headers['x-forwarded-for']).toMatch(/^(127\.0\.0\.1|::1)$/);
    expect(headers).toMatchObject({ 'x-forwarded-host': `localhost:${edge.port}`, 'x-forwarded-proto': 'http' });
    expect(JSON.stringify(headers)).not.toMatch(/6\.6\.6\.6|evil|x-forwarded-prefix/);
  });

  test.each([
    '/',
    '/health/ready',
    '/metrics',
    '/internal/accounts',
    '/prod',
    '/prod/api/scim/v22/Users',
    '/SCIM/v2/Users',
  ])('never forwards %s', async (path) => {
    const response = await fetch(`${edge.origin}${path}`);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(((await response.json()) as { detail: string }).detail).toContain('/prod/api/scim/v2');
    expect(seen).toEqual([]);
  });

  test.each([
    '/scim/v2/../../health/ready',
    '/scim/v2/%2e%2e/metrics',
    '/scim/v2/.%2E/internal',
    '/scim/v2/./x',
    '/scim/v2\\..\\health',
  ])('has no route for %s', (path) => {
    expect(findRoute(routesTo('http://x'), path)).toBeUndefined();
    expect(findRoute(routesTo('http://x'), '/scim/v2/Users/..x?a=../b')).toBeDefined();
  });

  test('routes SCIM to the gateway, event hooks to deactivation-worker, the rest of /auth to auth-service, nothing else', () => {
    const routes = edgeRoutes({ 'scim-gateway': 1001, 'deactivation-worker': 1002, 'auth-service': 1003 });
    const to = (url: string): string | undefined => findRoute(routes, url)?.upstream;
    expect(to('/prod/api/scim/v2/Users')).toBe('http://127.0.0.1:1001');
    expect(to('/scim/v2/Groups?count=1')).toBe('http://127.0.0.1:1001');
    expect(to('/auth/okta/event-hook/acme')).toBe('http://127.0.0.1:1002');
    for (const url of [
      '/auth/okta/login?returnTo=/',
      '/auth/okta/callback',
      '/auth/session',
      '/auth/okta/event-hooks/acme',
    ])
      expect([url, to(url)]).toEqual([url, 'http://127.0.0.1:1003']);
    for (const url of ['/', '/authorize', '/internal/tenants', '/health/ready', '/auth/okta/event-hook/../../x'])
      expect([url, to(url)]).toEqual([url, undefined]);
  });

  test('routes only the pages and the API of the example to the example', () => {
    const routes = [...edgeRoutes({ 'auth-service': 1003 }), ...exampleRoutes({ 'incident-service': 1004 })];
    const to = (url: string): string | undefined => findRoute(routes, url)?.upstream;
    for (const url of ['/', '/?next=/metrics', '/desk', '/desk/incidents/42', '/incidents'])
      expect([url, to(url)]).toEqual([url, 'http://127.0.0.1:1004']);
    for (const url of ['/health/ready', '/metrics', '//evil.example', '/deskx', '/desk/../metrics', '/internal/x'])
      expect([url, to(url)]).toEqual([url, undefined]);
    expect(to('/auth/session')).toBe('http://127.0.0.1:1003');
  });

  test('answers 502 with a SCIM error when the service is dead, because Okta parses every answer as JSON', async () => {
    const dead = await startEdge(routesTo(`http://127.0.0.1:${await freePort()}`), 0);
    try {
      const response = await fetch(`${dead.origin}/scim/v2/Users`, { method: 'POST', body: '{}' });
      expect([response.status, response.headers.get('content-type')]).toEqual([502, 'application/scim+json']);
      expect(await response.json()).toMatchObject({
        schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
        status: '502',
      });
    } finally {
      await dead.stop();
    }
  });

  test('aborts the answer when the service dies in the middle of it', async () => {
    answer = (request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('half', () => request.socket.destroy());
    };
    const response = await fetch(`${edge.origin}/scim/v2/Users`);
    await expect(response.text()).rejects.toThrow();
  });

  test('takes the next free port when the wanted one is taken, also when only ::1 has it', async () => {
    const taken = net.createServer();
    const host = (await canUse('::1')) ? '::1' : '127.0.0.1';
    await new Promise<void>((resolve) => taken.listen(0, host, resolve));
    const { port } = taken.address() as AddressInfo;
    const other = await startEdge(routesTo('http://x'), port);
    try {
      expect(other.port).toBeGreaterThan(port);
      expect((await fetch(`http://localhost:${other.port}/`)).status).toBe(404);
    } finally {
      await other.stop();
      await new Promise((resolve) => taken.close(resolve));
    }
  });
});

function canUse(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(0, host, () => server.close(() => resolve(true)));
  });
}
