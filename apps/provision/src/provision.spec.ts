/** The database role of a service can use its own schema and the shared event log, and nothing else. */
import { Client } from 'pg';
import { eventSource, owners, topics, type Topic } from '#events';
import { SERVICES, type ServiceName } from './provision.js';
import { ownerOf } from './schemas.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { provisionDatabase } from '#platform';

let testDatabase: TestDatabase;
beforeAll(async () => (testDatabase = await createTestDatabase()));
afterAll(() => testDatabase.drop());

const services = Object.keys(SERVICES) as ServiceName[];

async function as<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** SQLSTATE of the refusal; undefined = it was allowed. */
const refusal = (client: Client, sql: string): Promise<string | undefined> =>
  client.query(sql).then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );

const DENIED = '42501';

const publish = (topic: Topic, source: string): string => `
  insert into bus.event_log (topic, partition, event_id, key, type, source, subject, tenant, sequence, time, causation_id, data)
  values ('${topic}', 0, uuidv7(), 'k', 't', '${eventSource(source)}', 's', uuidv7(), 1, now(), 'c', '{}')`;

describe('the role of a service', () => {
  it.each(services)(
    '%s owns nothing: it cannot change a table, a trigger, a privilege or its migrations',
    async (service) => {
      const { schema, role } = SERVICES[service];
      await as(testDatabase.url(service), async (client) => {
        const { rows } = await client.query<{ name: string }>(
          `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = $1`,
          [schema],
        );
        expect(rows.length).toBeGreaterThan(2);
        for (const sql of [
          `create table ${schema}.mine (x int)`,
          `drop schema ${schema} cascade`,
          `set role ${ownerOf(role)}`,
          `delete from ${schema}.migrations`,
          ...rows.flatMap(({ name }) => [
            `select 1 from ${name} limit 1; alter table ${name} disable trigger user`,
            `truncate ${name} cascade`,
            `drop table ${name} cascade`,
            `alter table ${name} owner to ${role}`,
          ]),
        ])
          expect({ sql, code: await refusal(client, sql) }).toEqual({ sql, code: DENIED });
        const { rows: owned } = await client.query(
          'select oid from pg_class where pg_has_role(current_user, relowner, $1)',
          ['member'],
        );
        expect(owned).toEqual([]);
      });
    },
  );

  it.each([
    ['auth-service', 'auth.audit', ["update auth.audit set code = 'x'"]],
    ['integration-hub', 'hub.admin_audit', ["update hub.admin_audit set by = 'x'", 'delete from hub.admin_audit']],
    ['integration-hub', 'hub.integration_settings', ['delete from hub.integration_settings']],
    [
      'identity-service',
      'identity.role_grant',
      ['delete from identity.role_grant', "update identity.role_grant set role = 'x'"],
    ],
    [
      'deactivation-worker',
      'offboarding.offboarding_case',
      ['delete from offboarding.offboarding_case', 'update offboarding.offboarding_case set pushed_at = now()'],
    ],
  ] as const)('%s adds to the evidence in %s, and cannot remove or falsify it', async (service, _table, statements) => {
    await as(testDatabase.url(service), async (client) => {
      for (const sql of statements) expect({ sql, code: await refusal(client, sql) }).toEqual({ sql, code: DENIED });
    });
  });

  it.each(services.flatMap((one) => services.filter((other) => other !== one).map((other) => [one, other] as const)))(
    '%s can neither read nor write what belongs to %s',
    async (one, other) => {
      const { schema } = SERVICES[other];
      await as(testDatabase.adminUrl, (admin) => admin.query(`create table if not exists ${schema}.theirs (x int)`));
      await as(testDatabase.url(one), async (client) => {
        for (const sql of [
          `select * from ${schema}.theirs`,
          `insert into ${schema}.theirs values (1)`,
          `create table ${schema}.${SERVICES[one].schema} (x int)`,
          `drop schema ${schema} cascade`,
          `set role ${SERVICES[other].role}`,
        ])
          expect({ sql, code: await refusal(client, sql) }).toEqual({ sql, code: DENIED });
      });
    },
  );

  it.each(services)('%s may read the event log and append to it, but not change or delete events', async (service) => {
    await as(testDatabase.url(service), async (client) => {
      expect(await refusal(client, 'select count(*) from bus.event_log')).toBeUndefined();
      for (const sql of [
        'update bus.event_log set key = key',
        'delete from bus.event_log',
        'truncate bus.event_log',
        'drop table bus.event_log',
        'create table bus.mine (x int)',
      ])
        expect({ sql, code: await refusal(client, sql) }).toEqual({ sql, code: DENIED });
    });
  });

  it.each(services)('%s publishes the topics that it owns, and no other, under no other name', async (service) => {
    await as(testDatabase.url(service), async (client) => {
      for (const topic of topics) {
        const code = owners[topic] === service ? undefined : DENIED;
        expect({ topic, code: await refusal(client, publish(topic, service)) }).toEqual({ topic, code });
        expect({ topic, code: await refusal(client, publish(topic, owners[topic])) }).toEqual({ topic, code });
        expect({ topic, code: await refusal(client, publish(topic, 'cli')) }).toEqual({ topic, code: DENIED });
      }
    });
  });

  it('cannot publish at a far position, which would hide all later events of the partition', async () => {
    const far = publish('directory.users', 'scim-gateway')
      .replace('(topic', '(position, topic')
      .replace('values (', 'overriding system value values (9000000000000000000, ');
    await as(testDatabase.url('scim-gateway'), async (client) => expect(await refusal(client, far)).toBe(DENIED));
  });

  it('cannot create anything in public, nor roles, nor databases', async () => {
    await as(testDatabase.url('scim-gateway'), async (client) => {
      for (const sql of [
        'create table public.x (y int)',
        'create role intruder',
        'create database intruder',
        'create schema intruder',
      ])
        expect({ sql, code: await refusal(client, sql) }).toEqual({ sql, code: DENIED });
    });
  });
});

describe('provisioning', () => {
  const role = { role: 'scim_gateway', schema: 'directory', password: `test-only-password` };

  it('can be repeated, also several times at once, and keeps existing data', async () => {
    await as(testDatabase.adminUrl, (admin) =>
      admin.query('create table if not exists directory.kept as select 1 as x'),
    );
    await Promise.all([1, 2, 3].map(() => provisionDatabase(testDatabase.adminUrl, [role])));
    const { rows } = await as(testDatabase.adminUrl, (admin) => admin.query('select x from directory.kept'));
    expect(rows).toEqual([{ x: 1 }]);
  });

  it('refuses names that are not plain identifiers', async () => {
    for (const bad of ['a"; drop schema directory cascade; --', 'A', '1a', '', 'x'.repeat(64)]) {
      await expect(provisionDatabase(testDatabase.adminUrl, [{ ...role, role: bad }])).rejects.toThrow(
        'not a plain SQL identifier',
      );
      await expect(provisionDatabase(testDatabase.adminUrl, [{ ...role, schema: bad }])).rejects.toThrow(
        'not a plain SQL identifier',
      );
    }
  });

  it('accepts any password', async () => {
    const password = `it's "q" \\ $$ ; --`;
    await provisionDatabase(testDatabase.adminUrl, [{ role: 'quoted_role', schema: 'quoted', password }]);
    const url = new URL(testDatabase.adminUrl);
    url.username = 'quoted_role';
    url.password = encodeURIComponent(password);
    expect(await as(url.href, async (client) => (await client.query('select current_user::text as u')).rows)).toEqual([
      { u: 'quoted_role' },
    ]);
    await as(testDatabase.adminUrl, (admin) =>
      admin.query('drop schema quoted; drop owned by quoted_role; drop role quoted_role'),
    );
  });
});
