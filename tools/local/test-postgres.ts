/** The Postgres of the tests, for one run of jest. */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { ROOT } from './folder.js';
import { startPostgres, type LocalPostgres } from './postgres.js';
import { LocalProblem } from './problem.js';

/**
 * Settings without durability, and with cheap logins. The test data is worthless after a run, so it need not survive a
 * power cut, and its passwords protect nothing.
 */
const FAST = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  scram_iterations: '1',
  max_connections: '300',
};

/** Starts the embedded Postgres of the tests, without databases of earlier runs. */
export async function startTestPostgres(): Promise<LocalPostgres> {
  const server = await start();
  await dropLeftovers(server.url);
  return server;
}

/** Keeps the cluster between runs: creating one takes 1 s, starting one 0.1 s. A concurrent run creates its own. */
async function start(): Promise<LocalPostgres> {
  const options = { password: 'test-only', settings: FAST };
  try {
    return await startPostgres({ ...options, folder: path.join(ROOT, '.cache', 'test-postgres') });
  } catch (error) {
    if (!(error instanceof LocalProblem)) throw error;
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-test-'));
    fs.chmodSync(folder, 0o755);
    const server = await startPostgres({ ...options, folder });
    const stop = async (): Promise<void> => {
      await server.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    };
    return { ...server, stop };
  }
}

async function dropLeftovers(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ datname: string }>(
    `select datname from pg_database where datname ~ '^(t|stack)_'`,
  );
  for (const { datname } of rows) await client.query(`drop database ${client.escapeIdentifier(datname)} with (force)`);
  await client.end();
}
