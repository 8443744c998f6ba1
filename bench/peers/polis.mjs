/**
 * Runs Ory Polis' directory sync (SCIM) behind a minimal HTTP server of Node, for the comparison. To favour Polis, all
 * additional work is switched off: no analytics, no webhooks, no stored events. Our gateway writes an outbox row per
 * change, but Polis only calls a function that does nothing.
 *
 * DATABASE_URL=postgres://... POOL_SIZE=10 node polis.mjs   prints {"url","token"} and serves until it is ended.
 */
import http from 'node:http';
import { controllers } from '@boxyhq/saml-jackson';

const database = new URL(process.env.DATABASE_URL);
database.searchParams.set('max_conns', process.env.POOL_SIZE ?? '10');
const quiet = { info() {}, warn() {}, error: (...all) => console.error(...all) };
const { directorySyncController: sync } = await controllers({
  externalUrl: 'http://localhost',
  samlPath: '/saml',
  noAnalytics: true,
  logger: quiet,
  db: { engine: 'sql', type: 'postgres', url: database.href },
  dsync: { callback: async () => undefined },
});
const { data: directory } = await sync.directories.create({ tenant: 'bench', product: 'bench', type: 'okta-scim-v2' });

const server = http.createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const [path, search] = request.url.split('?');
  const [resourceType, resourceId] = path.split('/').slice(3); // /scim/v2/Users/<id>
  const query = Object.fromEntries(new URLSearchParams(search));
  const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks)) : undefined;
  const apiSecret = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  const answer = await sync.requests.handle({
    method: request.method,
    body,
    directoryId: directory.id,
    resourceType,
    resourceId,
    apiSecret,
    query,
  });
  const content = Buffer.from(JSON.stringify(answer.data));
  response.writeHead(answer.status, { 'content-type': 'application/scim+json', 'content-length': content.length });
  response.end(content);
});
server.listen(0, '127.0.0.1', () => {
  console.log(
    JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/scim/v2`, token: directory.scim.secret }),
  );
});
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
