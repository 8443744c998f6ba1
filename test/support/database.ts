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

export async function createTestDatabase(): Promise<TestDatabase> {
  const server = await testPostgres();
  const name = `t_${randomBytes(8).toString('hex')}`;
  await run(server, `create database ${name}`);
  const admin = new URL(server);
  admin.pathname = `/${name}`;
  const passwords = Object.fromEntries(
    (Object.keys(SERVICES) as ServiceName[]).map((s) => [s, TEST_PASSWORD]),
  ) as Record<ServiceName, string>;
  await provision(admin.href, passwords, [{ role: 'sandbox', schema: 'sandbox', password: TEST_PASSWORD }]);
  return {
    adminUrl: admin.href,
    url(service) {
      const url = new URL(admin.href);
      url.username = service === 'sandbox' ? 'sandbox' : SERVICES[service].role;
      url.password = TEST_PASSWORD;
      return url.href;
    },
    drop: () => run(server, `drop database if exists ${name} with (force)`),
  };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
