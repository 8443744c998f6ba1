/**
 * Runs in jest's own process before the first test file. A test that needs a database or compiled programs asks this
 * process for them (test/support/services.ts). Nothing is started and nothing is built before the first such test.
 */
import fs from 'node:fs';
import http from 'node:http';
import { pathToFileURL } from 'node:url';
import { build, isBuilt } from './tools/bootstrap/build.mjs';
import { at } from './tools/bootstrap/checkout.mjs';
import { withLock } from './tools/bootstrap/lock.mjs';

const POSTGRES = at('dist', 'tools', 'local', 'test-postgres.js');

const once = (work) => {
  let result;
  return () => (result ??= work());
};

export default async function setup() {
  let postgres;
  const compiled = once(async () => {
    if (!isBuilt()) await withLock(async () => void (isBuilt() || (await build())));
    return '';
  });
  const database = once(async () => {
    // The start of Postgres rarely changes, so an edited source file elsewhere is no reason to build first.
    if (!fs.existsSync(POSTGRES)) await compiled();
    const { startTestPostgres } = await import(pathToFileURL(POSTGRES).href);
    postgres = await startTestPostgres();
    return postgres.url;
  });
  const services = { '/compiled': compiled, '/database': database };

  const server = http.createServer(async ({ url }, response) => {
    try {
      response.end(await services[url]());
    } catch (error) {
      response.writeHead(500).end(error.message);
    }
  });
  server.keepAliveTimeout = 1; // an open connection would keep a worker of jest alive
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env.TEST_SERVICES_URL = `http://127.0.0.1:${server.address().port}`;

  const stop = once(async () => {
    server.close();
    await postgres?.stop();
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => stop().finally(() => process.exit(130)));
  globalThis.stopTestServices = stop;
}
