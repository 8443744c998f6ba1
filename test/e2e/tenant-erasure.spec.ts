/**
 * The erasure of a tenant through every process. Afterwards no service has a row of it, its neighbour has lost nothing,
 * a late event revives nothing, and the slug is free.
 */
import { SERVICES } from '../../apps/provision/src/provision.js';
import { runStackflow, type Ran } from '../support/command-line.js';
import { GROUP_SCHEMA, person, scim } from '../support/push.js';
import { ownQuotas, sandboxQuotas } from '../support/quotas.js';
import { TestStack } from '../support/stack.js';
import { hubOf, TESTER } from '../support/tenant-command.js';
import { until } from '../support/waiting.js';

/** More than the brake lets go at once. */
const PEOPLE = 14;
const SCHEMAS = Object.values(SERVICES).map(({ schema }) => schema);
const RECORDS = ['erased_tenant', 'tenant_erasure'];

interface Tenant {
  readonly id: string;
  readonly slug: string;
  readonly token: string;
  readonly people: readonly string[];
}

let stack: TestStack;
let gone: Tenant;
let neighbour: Tenant;

const stackflow = (args: string, stdin = ''): Promise<Ran> =>
  runStackflow(args.split(' '), { STACK_DIR: stack.folder, STACKFLOW_OPERATOR: 'jane' }, stdin);

async function create(slug: string): Promise<Tenant> {
  const { tenant, scimToken } = await hubOf(stack).create({ slug, by: TESTER, settings: { scimEnabled: true } });
  const token = scimToken?.secret ?? '';
  const send = (target: string, body: unknown) =>
    until(
      'push accepted',
      () => scim(stack.tenant.scimBaseUrl, token, 'POST', target, body).catch(() => undefined),
      30_000,
    );
  const people: string[] = [];
  for (let n = 0; n < PEOPLE; n++) {
    const pushed = await send('/Users', person(`person-${n}@same.example`, `00uSAME${n}`));
    people.push(pushed.id);
  }
  const members = people.map((value) => ({ value }));
  await send('/Groups', { schemas: [GROUP_SCHEMA], displayName: 'StackFlow-Agents', members });
  return { id: tenant.id, slug, token, people };
}

const usersInCognito = async (people: readonly string[]): Promise<number> =>
  (await stack.query('select 1 from sandbox.cognito_user where username = any($1)', [people])).length;

/** The number of rows of each table that contain the text. */
async function rowsWith(text: string): Promise<Record<string, number>> {
  const tables = await stack.query<{ name: string }>(
    `select schemaname || '.' || tablename as name from pg_tables where schemaname = any($1)`,
    [SCHEMAS],
  );
  expect(tables.length).toBeGreaterThan(60);
  const found: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await stack.query<{ rows: number }>(
      `select count(*)::int as rows from ${name} t where strpos(t::text, $1) > 0`,
      [text],
    );
    if (row && row.rows > 0) found[name] = row.rows;
  }
  return found;
}

/** Rows that no push creates: sign-ins, clients of token exchanges, and events that failed. */
async function addRest({ id }: Tenant): Promise<void> {
  await stack.query(`insert into auth.audit (tenant, event) values ($1, 'login')`, [id]);
  await stack.query(`insert into auth.exchange_source values ($1, 'https://x.okta.com', 'a', '{}', 's')`, [id]);
  await stack.query(
    `insert into auth.exchange_client (id, tenants, audiences, token_kinds, secret_hash) values ($1::text, array[$1::text]::uuid[], '{a}', '{}', 'x')`,
    [id],
  );
  for (const table of ['parked_event', 'skipped_event'])
    await stack.query(
      `insert into identity.${table} (${table === 'skipped_event' ? 'id, attempts, next_at, parked_at, skipped_by, ' : ''}
         consumer_group, topic, partition, position, key, sequence, event, state)
       values (${table === 'skipped_event' ? `1, 1, now(), now(), 'x', ` : ''}
         'identity-service', 'directory.users', 0, 1, $1 || ':nobody', 1, '{"name": "Ada"}', 'dead')`,
      [id],
    );
}

/** Nobody waits a minute in a test for requests that do not exist. */
async function settle(): Promise<void> {
  for (const schema of SCHEMAS)
    await stack.query(
      `update ${schema}.tenant_erasure set requested_at = now() - interval '1 hour', closed_at = closed_at - interval '1 hour'
        where finished_at is null and coalesce(closed_at, requested_at) > now() - interval '50 minutes'`,
    );
}

beforeAll(async () => {
  stack = await TestStack.start({
    serviceEnv: {
      sandbox: { SANDBOX_COGNITO_QUOTAS: JSON.stringify(sandboxQuotas(2_000)) },
      'identity-service': { COGNITO_QUOTAS: JSON.stringify(ownQuotas(2_000)) },
    },
  });
  [gone, neighbour] = await Promise.all([create('gone'), create('stays')]);
  for (const tenant of [gone, neighbour]) {
    await addRest(tenant);
    await until('users in Cognito', async () => (await usersInCognito(tenant.people)) === PEOPLE, 60_000);
  }
  await stack.query(
    `insert into auth.exchange_client (id, tenants, audiences, token_kinds, secret_hash) values ('both', $1, '{a}', '{}', 'x')`,
    [[gone.id, neighbour.id]],
  );
}, 240_000);
afterAll(async () => {
  await (stack as TestStack | undefined)?.stop();
});

it('refuses while SCIM is on, and without the slug', async () => {
  expect(await stackflow('tenants erase gone --yes gone')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/SCIM is on .* tenants configure gone --scim off/),
  });
  expect((await stackflow('tenants configure gone --scim off')).code).toBe(0);
  expect(await stackflow('tenants erase gone', 'stays\n')).toMatchObject({
    code: 1,
    err: expect.stringContaining('Nothing was erased'),
  });
  expect(Object.keys(await rowsWith(gone.id))).not.toContain('hub.tenant_erasure');
});

it('erases every row, Cognito user and secret of the tenant, and nothing of its neighbour', async () => {
  await until(
    'no evaluation waits',
    async () => (await stack.query('select 1 from identity.reevaluation')).length === 0,
    30_000,
  );
  const before = await rowsWith(neighbour.id);
  expect(Object.keys(before).length).toBeGreaterThan(20);
  const [old] = await stack.query<{ data: object }>(
    `select data from bus.event_log where tenant = $1 and topic = 'directory.access' limit 1`,
    [gone.id],
  );

  const timer = setInterval(() => void settle().catch(() => undefined), 1_000);
  const ran = await stackflow('tenants erase gone', 'gone\n').finally(() => clearInterval(timer));

  expect(ran).toMatchObject({ code: 0, out: expect.stringContaining(`with ${PEOPLE} people is erased`) });
  for (const service of Object.keys(SERVICES).filter((name) => name !== 'integration-hub'))
    expect(ran.err).toContain(`${service}: erased, `);
  const records = Object.entries(await rowsWith(gone.id)).filter(([table]) => !RECORDS.some((r) => table.endsWith(r)));
  expect(records).toEqual([]);
  for (const id of gone.people.slice(0, 3)) expect(await rowsWith(id)).toEqual({});
  expect(await usersInCognito(gone.people)).toBe(0);
  expect(await stack.query('select name from sandbox.secret where strpos(name, $1) > 0', [gone.id])).toEqual([]);
  const access = await stack.query<{ status: string }>(
    `select distinct on (key) data ->> 'status' as status from bus.event_log where topic = 'identity.access' and tenant = $1
      order by key, position desc`,
    [gone.id],
  );
  expect(access.map(({ status }) => status)).toEqual(Array.from({ length: PEOPLE }, () => 'removed'));

  expect(await rowsWith(neighbour.id)).toMatchObject(before);
  expect(await usersInCognito(neighbour.people)).toBe(PEOPLE);
  expect(await stack.query(`select tenants from auth.exchange_client where id = 'both'`)).toEqual([
    { tenants: [neighbour.id] },
  ]);

  await publishLate(old?.data ?? {});
}, 180_000);

/** Publishes an old event of the tenant once more, with a higher sequence number. */
async function publishLate(data: object): Promise<void> {
  const [subject = ''] = gone.people;
  await stack.query(
    `insert into bus.event_log (partition, event_id, topic, key, type, source, subject, tenant, sequence, time, causation_id, data)
     values (0, uuidv7(), 'directory.access', $1::text || ':' || $2::text, 'com.stackflow.directory.access.changed.v1',
       '/stackflow/scim-gateway', $2::text, $1::text::uuid, 99, now(), 'late', $3)`,
    [gone.id, subject, JSON.stringify(data)],
  );
  const behind = `
    select 1 from offboarding.consumer_offset o where o.topic = 'directory.access' and o.partition = 0
      and o.position < (select max(position) from bus.event_log l where l.topic = o.topic and l.partition = 0)`;
  await until('event consumed', async () => (await stack.query(behind)).length === 0, 30_000);
  for (const schema of ['offboarding', 'auth'])
    expect(Object.keys(await rowsWith(subject)).filter((table) => table.startsWith(schema))).toEqual([]);
}

it('frees the slug, and tells a second erasure that the tenant is gone', async () => {
  expect(await stackflow('tenants erase gone --yes gone')).toMatchObject({
    code: 1,
    err: expect.stringContaining('There is no tenant "gone"'),
  });
  const again = await create('gone');
  expect(again.id).not.toBe(gone.id);
  await until('users in Cognito', async () => (await usersInCognito(again.people)) === PEOPLE, 60_000);
}, 90_000);

it('lets no service delete evidence of a tenant that is not being erased', async () => {
  await expect(stack.query('select offboarding.erase_tenant($1, 10)', [neighbour.id])).rejects.toThrow(
    /is not being erased/,
  );
});
