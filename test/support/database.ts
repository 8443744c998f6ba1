/** A provisioned database for one spec file, with real roles, schemas and locks. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { provision, SERVICES, type ServiceName } from '../../apps/provision/src/provision.js';
import { testPostgres } from './services.js';

export interface TestDatabase {
  /** URL of the superuser, for assertions across schemas. */
  readonly adminUrl: string;
  /** URL of one service's role. */
  url(service: ServiceName | 'sandbox'): string;
  drop(): Promise<void>;
}

/** Every role has this password: roles belong to the cluster, which several specs share. */
export const TEST_PASSWORD = 'test-only-password';

/** Only the embedded Postgres has it, because that one starts each run without databases of earlier runs. */
const TEMPLATE = 't_template';

export async function createTestDatabase(): Promise<TestDatabase> {
  const server = await testPostgres();
  const name = `t_${randomBytes(8).toString('hex')}`;
  const admin = urlOf(server, name);
  if (process.env.TEST_DATABASE_URL) await createProvisioned(server, name);
  else await copyTemplate(server, name);
  return {
    adminUrl: admin.href,
    url(service) {
      const url = new URL(admin.href);
      url.username = service === 'sandbox' ? 'sandbox' : SERVICES[service].role;
      url.password = TEST_PASSWORD;
      return url.href;
    },
    drop: () => onServer(server, (client) => client.query(`drop database if exists ${name} with (force)`)),
  };
}

/** A copy takes a third of the time of provisioning. */
const copyTemplate = (server: string, name: string): Promise<void> =>
  onServer(server, async (client) => {
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [TEMPLATE]);
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [TEMPLATE]);
    if (rowCount === 0) {
      const draft = `t_draft_${randomBytes(8).toString('hex')}`;
      await createProvisioned(server, draft);
      await client.query(`alter database ${draft} rename to ${TEMPLATE}`);
    }
    await client.query('select pg_advisory_unlock_all()');
    await client.query(`create database ${name} template ${TEMPLATE}`);
  });

async function createProvisioned(server: string, name: string): Promise<void> {
  await onServer(server, (client) => client.query(`create database ${name}`));
  const passwords = Object.fromEntries(
    (Object.keys(SERVICES) as ServiceName[]).map((s) => [s, TEST_PASSWORD]),
  ) as Record<ServiceName, string>;
  await provision(urlOf(server, name).href, passwords, [
    { role: 'sandbox', schema: 'sandbox', password: TEST_PASSWORD },
  ]);
}

function urlOf(server: string, name: string): URL {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url;
}

async function onServer(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
