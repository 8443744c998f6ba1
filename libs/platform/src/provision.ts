import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

export interface ServiceRole {
  readonly role: string;
  readonly schema: string;
  readonly password: string;
  /** A role without login that owns the schema. Without it, `role` owns the schema and migrates it. */
  readonly owner?: string;
}

const identifier = (name: string): string => {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new Error(`not a plain SQL identifier: ${name}`);
  return name;
};

/**
 * Creates a role and a schema per service, so that a service cannot query the schema of another service. Idempotent; an
 * administrator role runs it before the services start. `sharedSql` runs last, as administrator, and creates schemas
 * that several services use (event log, quota buckets).
 */
export async function provisionDatabase(
  adminUrl: string,
  services: readonly ServiceRole[],
  sharedSql: readonly string[] = [],
): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', ['stackflow:provision']);
    const { rows } = await client.query<{ db: string }>('select current_database() as db');
    const database = client.escapeIdentifier(rows[0]?.db ?? '');
    await client.query(`revoke create on schema public from public`);
    for (const { role, schema, password, owner } of services) {
      const name = identifier(role);
      await createRole(client, `${name} login`);
      await retryConcurrentUpdate(() =>
        client.query(`alter role ${name} login password ${client.escapeLiteral(password)}`),
      );
      await client.query(`grant connect on database ${database} to ${name}`);
      if (owner !== undefined) {
        await createRole(client, `${identifier(owner)} nologin`);
        await retryConcurrentUpdate(() => client.query(`grant ${owner} to current_user`));
      }
      await client.query(`create schema if not exists ${identifier(schema)} authorization ${owner ?? name}`);
      await client.query(`grant usage on schema ${schema} to ${name}`);
      await client.query(`revoke all on schema ${identifier(schema)} from public`);
    }
    for (const sql of sharedSql) await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Ignores an existing role. Roles belong to the whole cluster, and two databases may be provisioned at the same time. */
const createRole = (client: Client, definition: string): Promise<unknown> =>
  client.query(
    `do $$ begin create role ${definition}; exception when duplicate_object or unique_violation then null; end $$`,
  );

async function retryConcurrentUpdate(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (attempt >= 10 || !/tuple concurrently updated/.test((error as Error).message)) throw error;
      await sleep(20 * attempt);
    }
  }
}
