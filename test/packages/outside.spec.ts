/**
 * The packages as a team outside gets them: packed, installed into an empty folder, compiled in strict mode, and run.
 * The sources are the examples of docs/events.md and docs/guard.md.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { sampleData, sampleEvent } from '#events';
import { BusRig, until } from '../contract/bus-rig.js';
import { accessData, appendAccess } from '../guard/feeds.js';
import { Issuer, nowSeconds } from '../guard/issuer.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { accepting, credentialOf } from '../support/internal-api.js';
import { startOldPostgres } from '../support/old-postgres.js';
import { testPostgres } from '../support/services.js';
import { OutsideFolder, readManifest, type Program, type Tarball } from './outside.js';

const LIMIT_MS = 600_000;

const brokers = process.env.KAFKA_BROKERS;
if (!brokers && process.env.REQUIRE_KAFKA === '1')
  throw new Error('REQUIRE_KAFKA=1, but KAFKA_BROKERS names no broker');

const PROVISIONED = 'com.stackflow.identity.account.provisioned.v1';
const REPUBLISHED = 'com.stackflow.identity.account.republished.v1';
const REMOVED = 'com.stackflow.identity.account.removed.v1';
const TENANT = randomUUID();
const CALLERS = accepting(['ops'], ['read', 'events']);

const outside = new OutsideFolder(['docs/events.md', 'docs/guard.md']);
let tarballs: Tarball[];

beforeAll(async () => {
  tarballs = await outside.pack();
  await outside.install();
  await outside.compile();
}, LIMIT_MS);
afterAll(() => outside.remove());

const named = (text: string): RegExpMatchArray[] => [...text.matchAll(/^(?:import|export)\s[^'"]*?["']([^'"]+)["']/gm)];

describe.each(['identity-events', 'access-guard'])('the tarball of %s', (name) => {
  const tarball = (): Tarball => {
    const found = tarballs.find((t) => t.name === `@stackflow/${name}`);
    if (!found) throw new Error(`${name} was not packed`);
    return found;
  };
  const installed = path.join(outside.folder, 'node_modules', '@stackflow', name);

  test('has a README, a changelog, JavaScript and types, and is small', () => {
    const files = tarball().files.map((file) => file.path);
    expect(files).toEqual(expect.arrayContaining(['README.md', 'CHANGELOG.md', 'package.json', 'dist/index.d.ts']));
    expect(
      files.filter((f) => !/^(README\.md|CHANGELOG\.md|package\.json|dist\/[\w.-]+\.(js|d\.ts)(\.map)?)$/.test(f)),
    ).toEqual([]);
    expect(tarball().size).toBeLessThan(300_000);
  });

  test('contains no code of a service', () => {
    const maps = globSync('dist/*.js.map', { cwd: installed });
    const sources = maps.flatMap((file) => {
      const map = JSON.parse(readFileSync(path.join(installed, file), 'utf8')) as { sources: string[] };
      return map.sources.map((source) => source.replace(/^(\.\.\/)+/, ''));
    });
    expect(sources).toEqual(expect.arrayContaining([expect.stringMatching(/^libs\/event-bus\//)]));
    const libraries =
      /^libs\/(access-guard|command-line|contracts|event-bus|events|platform|worker)\/|^node_modules\/@nestjs\/swagger\/dist\/extra\//;
    expect(sources.filter((source) => !libraries.test(source))).toEqual([]);
  });

  test('imports only what its package.json declares', () => {
    const { dependencies, peerDependencies } = readManifest(path.join(installed, 'package.json'));
    const declared = new Set(Object.keys({ ...dependencies, ...peerDependencies }));
    const imported = globSync('dist/*.{js,d.ts}', { cwd: installed })
      .flatMap((file) => named(readFileSync(path.join(installed, file), 'utf8')))
      .map((match) => match[1] ?? '')
      .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier));
    expect(imported).toEqual(expect.arrayContaining(['pg', 'zod']));
    const packages = imported.map((s) =>
      s
        .split('/')
        .slice(0, s.startsWith('@') ? 2 : 1)
        .join('/'),
    );
    expect(packages.filter((specifier) => !declared.has(specifier))).toEqual([]);
  });
});

test('docs/events.md shows an event as the package delivers it', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/events.md'), 'utf8');
  expect(JSON.parse(/```json\n(\{[\s\S]*?)```/.exec(page)?.[1] ?? '')).toEqual(sampleEvent(PROVISIONED));
});

/** Runs SQL of a document as administrator, with another name for the role, because roles belong to the whole server. */
async function asAdministrator(adminUrl: string, snippet: string, role: string, unique: string): Promise<URL> {
  const statements = outside
    .snippet(snippet)
    .replaceAll(new RegExp(`\\b(role|authorization|to) ${role}\\b`, 'g'), `$1 ${unique}`);
  await withClient(adminUrl, (client) => client.query(statements));
  const url = new URL(adminUrl);
  url.username = unique;
  url.password = 'change-me';
  return url;
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const uniqueRole = (): string => `outside_${randomBytes(4).toString('hex')}`;
const dropRole = async (role: string): Promise<unknown> =>
  withClient(await testPostgres(), (client) => client.query(`drop role if exists ${role}`));

const accountEvent = (
  type: typeof PROVISIONED | typeof REPUBLISHED | typeof REMOVED,
  subject: string,
  sequence: number,
) => ({
  type,
  tenant: TENANT,
  subject,
  sequence,
  causationId: 'test',
  data: { account: { ...sampleData[PROVISIONED].account, id: subject, displayName: `Person ${sequence}` } },
});

describe('the subscriber of docs/events.md', () => {
  let rig: BusRig;
  let role: string;
  let program: Program | undefined;
  const prefix = `t${randomBytes(4).toString('hex')}.`;

  const begin = async (carrier: NodeJS.ProcessEnv, sql: string): Promise<{ url: URL; program: Program }> => {
    role = uniqueRole();
    rig = await BusRig.create(carrier, 'identity-service');
    await rig.sequencer();
    const url = await asAdministrator(rig.testDatabase.adminUrl, sql, 'welcome', role);
    program = await outside.start('dist/main.js', {
      ...carrier,
      DATABASE_URL: url.href,
      INTERNAL_API_CALLERS: CALLERS,
    });
    return { url, program };
  };
  /** Deletes the topics of this run, whose names have a prefix of their own. */
  const deleteTopics = async (): Promise<void> => {
    if (!brokers) return;
    const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(prefix)) });
    await admin.disconnect();
  };
  afterEach(async () => {
    const code = await program?.stop();
    program = undefined;
    await rig.close();
    await dropRole(role);
    await deleteTopics();
    expect(code).toBe(0);
  });

  const greetings = async (): Promise<string> => {
    const rows = await rig.admin.query<{ text: string }>('select text from welcome.greeting order by text');
    return rows.map((row) => row.text).join();
  };

  test(
    'greets each account once on Postgres, parks a failure, and continues after a skip',
    async () => {
      const { url, program } = await begin({ EVENT_CARRIER: 'postgres' }, 'welcome.sql');
      const [ada, bob, eve] = [randomUUID(), randomUUID(), randomUUID()];
      await rig.publish([accountEvent(PROVISIONED, ada, 1), accountEvent(PROVISIONED, ada, 1)]);
      await until(async () => (await greetings()) === 'Hello Person 1' || greetings(), 'one greeting');

      // The database refuses the second greeting of this account, so the removal behind it waits.
      await rig.admin.query(`alter table welcome.greeting add constraint not_2 check (text <> 'Hello Person 2')`);
      await rig.publish([accountEvent(PROVISIONED, ada, 2), accountEvent(REMOVED, ada, 3)]);
      await rig.publish([accountEvent(PROVISIONED, bob, 9)]);
      await until(
        async () => (await greetings()) === 'Hello Person 1,Hello Person 9' || greetings(),
        'other keys continue',
      );
      const blocks = outside.snippet('parked.sh').split(/\n\n/);
      const [define = ''] = blocks;
      const environment = {
        SUBSCRIBER_URL: program.url,
        CREDENTIAL: credentialOf('ops'),
        GROUP: 'welcome',
        KEY: `${TENANT}:${ada}`,
      };
      const call = async (word: string): Promise<Record<string, unknown>> => {
        const block = blocks.find((b) => b.includes(`/internal/events/${word}"`));
        if (block === undefined) throw new Error(`the script of the document does not call ${word}`);
        return JSON.parse(await outside.execute('bash', ['-c', `${define}\n${block}`], environment)) as Record<
          string,
          unknown
        >;
      };
      await until(async () => JSON.stringify(await call('parked')).includes('not_2') || call('parked'), 'parked');
      expect(await call('parked/retry')).toEqual({ keys: 1, unreadable: 0, key: null });
      const skipped = { topic: 'identity.accounts', key: `${TENANT}:${ada}`, sequence: 2, behind: 1 };
      let answer: Record<string, unknown> = {};
      const skip = async () => void (answer = await call('parked/skip'));
      await until(() => skip().then(() => true, String), 'skipped');
      expect(answer).toMatchObject(skipped);
      await until(
        async () => (await greetings()) === 'Hello Person 9' || greetings(),
        'the removal behind it was handled',
      );
      await rig.admin.query('alter table welcome.greeting drop constraint not_2');
      expect(await call('replay')).toEqual({ queued: 4 });
      await until(
        async () => JSON.stringify((await call('parked')).keys) === '[]' || call('parked'),
        'the handlers of the document allow a replay',
      );
      expect(await greetings()).toBe('Hello Person 9');
      await rig.publish([accountEvent(REPUBLISHED, bob, 10)]);
      await until(async () => (await greetings()) === 'Hello Person 10' || greetings(), 'the account is republished');

      const version = await (await fetch(`${program.url}/health/version`)).json();
      expect(version).toEqual({ version: '3.2.1' });

      // The narrower grant: the role reads one topic, StackFlow's own roles write all of them.
      await asAdministrator(rig.testDatabase.adminUrl, 'one-topic.sql', 'welcome', role);
      await rig.publish([accountEvent(PROVISIONED, eve, 7)]);
      await until(
        async () => (await greetings()).includes('Person 7') || greetings(),
        'events arrive under the policy',
      );
      const topicsSeenBy = (reader: string) =>
        withClient(reader, async (client) => {
          const { rows } = await client.query<{ topic: string }>(
            'select distinct topic from bus.event_log order by topic',
          );
          return rows.map(({ topic }) => topic).join();
        });
      await withClient(rig.testDatabase.adminUrl, (log) =>
        appendAccess(log, [{ tenantId: TENANT, accountId: ada, sequence: 1, data: accessData(ada, {}) }]),
      );
      expect(await topicsSeenBy(rig.testDatabase.adminUrl)).toBe('identity.access,identity.accounts');
      expect(await topicsSeenBy(url.href)).toBe('identity.accounts');
    },
    LIMIT_MS,
  );

  (brokers ? test : test.skip)(
    'greets each account once on Kafka (skipped unless KAFKA_BROKERS names a broker)',
    async () => {
      const carrier = {
        EVENT_CARRIER: 'kafka',
        KAFKA_BROKERS: brokers ?? '',
        KAFKA_TOPIC_PREFIX: prefix,
        KAFKA_REPLICATION_FACTOR: '1',
      };
      await begin(carrier, 'welcome-kafka.sql');
      const [ada, bob] = [randomUUID(), randomUUID()];
      await rig.publish([
        accountEvent(PROVISIONED, ada, 1),
        accountEvent(PROVISIONED, ada, 1),
        accountEvent(PROVISIONED, bob, 4),
      ]);
      await until(async () => (await greetings()) === 'Hello Person 1,Hello Person 4' || greetings(), 'two greetings');
      await rig.publish([accountEvent(REMOVED, ada, 2)]);
      await until(async () => (await greetings()) === 'Hello Person 4' || greetings(), 'one is removed');
    },
    LIMIT_MS,
  );
});

test(
  'docs/events.md names every table that the package creates',
  async () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/events.md'), 'utf8');
    const [, listed = ''] = page.split('The package creates these tables');
    const documented = [...(listed.split('\n## ')[0] ?? '').matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    const rig = await BusRig.create({ EVENT_CARRIER: 'postgres' });
    const role = uniqueRole();
    try {
      const url = await asAdministrator(rig.testDatabase.adminUrl, 'welcome.sql', 'welcome', role);
      await outside.execute(process.execPath, ['dist/main.js', '--migrate'], {
        DATABASE_URL: url.href,
      });
      const tables = await rig.admin.query<{ tablename: string }>(
        `select tablename from pg_tables where schemaname = 'welcome'`,
      );
      expect(tables.map(({ tablename }) => tablename).sort()).toEqual([...documented, 'greeting'].sort());

      const old = await startOldPostgres(url.href);
      const start = outside.start('dist/main.js', { DATABASE_URL: old.url });
      await expect(start).rejects.toThrow(
        /ended with code 69[^]*"fatal"[^]*PostgreSQL 18 or newer is needed; this server is 15\.4/,
      );
      await old.close();
    } finally {
      await rig.close();
      await dropRole(role);
    }
  },
  LIMIT_MS,
);

test('the help of a subscriber says nothing that is true only for the services of StackFlow', async () => {
  const help = await outside.execute(process.execPath, ['dist/main.js', '--help']);
  expect(help).not.toMatch(/same in every service|cannot read others|scim_gateway/);
  expect(help).toContain('Callers that the internal API of this process accepts');
  expect(help).toContain('A process that only subscribes deletes none and needs no value.');
  expect(help).toContain('A subscriber needs no value if the topics exist.');
});

test(
  'the test of docs/events.md passes with the test helper of the package',
  async () => {
    const output = await outside.execute(process.execPath, ['--test', '--test-reporter=tap', 'dist/*.test.js'], {
      TEST_DATABASE_URL: await testPostgres(),
    });
    expect(output).toMatch(/^ok 1 - greets an account once$/m);
  },
  LIMIT_MS,
);

describe.each([
  ['Fastify', 'dist/fastify.js', 'guard.sql', 0],
  ['Express', 'dist/express.js', 'guard.sql', 0],
  ['Nest, beside a subscriber,', 'dist/nest.js', 'welcome.sql', 0],
  // Nest closes the application and then repeats the signal.
  ['Nest and Express', 'dist/nest-alone.js', 'guard.sql', 'SIGTERM'],
])('the service of docs/guard.md on %s', (_, file, sql, end) => {
  let role: string;
  let database: TestDatabase;
  let issuer: Issuer;
  let log: Client;

  beforeEach(async () => {
    role = uniqueRole();
    database = await createTestDatabase();
    issuer = await Issuer.start();
    log = new Client({ connectionString: database.adminUrl });
    await log.connect();
  });
  afterEach(async () => {
    await log.end();
    await issuer.close();
    await database.drop();
    await dropRole(role);
  });

  test(
    'refuses without a token, accepts a valid one, and refuses it after a revocation',
    async () => {
      const url = await asAdministrator(database.adminUrl, sql, sql === 'guard.sql' ? 'invoices' : 'welcome', role);
      const program = await outside.start(file, {
        DATABASE_URL: url.href,
        TOKEN_ISSUER: issuer.issuer,
        TOKEN_CLIENT_IDS: issuer.clientId,
        TOKEN_JWKS_URI: issuer.jwksUri,
        TOKEN_AUDIENCE: 'invoices',
      });
      const alice = randomUUID();
      const append = (sequence: number, change: Parameters<typeof accessData>[1]) =>
        appendAccess(log, [{ tenantId: TENANT, accountId: alice, sequence, data: accessData(alice, change) }]);
      const get = async (route: string, token?: string) => {
        const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
        const answer = await fetch(program.url + route, { headers });
        const challenge = answer.headers.get('www-authenticate');
        return { status: answer.status, challenge, body: (await answer.json()) as Record<string, unknown> };
      };
      const token = issuer.accessToken(alice, { iat: nowSeconds() - 60 });
      await append(1, { roles: ['itsm_agent'] });
      await until(async () => (await get('/me', token)).status === 200, 'the token is accepted');

      if (file !== 'dist/nest-alone.js') expect(await get('/health/live')).toMatchObject({ status: 200 });
      expect(await get('/me')).toMatchObject({ status: 401, challenge: 'Bearer', body: { reason: 'token_missing' } });
      expect((await get('/me', token)).body).toMatchObject({
        accountId: alice,
        tenantId: TENANT,
        roles: ['itsm_agent'],
      });
      expect(await get('/invoices', token)).toMatchObject({
        status: 403,
        challenge: expect.stringMatching(/^Bearer error="insufficient_scope"/),
        body: { reason: 'role_missing' },
      });
      const exchanged = (audience: string) =>
        issuer.accessToken(alice, { iat: nowSeconds() - 60, act: { sub: 'reports' }, exchange_audience: audience });
      expect((await get('/me', exchanged('invoices'))).body).toMatchObject({ accountId: alice, actor: 'reports' });
      expect(await get('/me', exchanged('payroll'))).toMatchObject({
        status: 401,
        challenge: expect.stringMatching(/^Bearer error="invalid_token"/),
        body: { reason: 'audience_mismatch' },
      });

      await append(2, { status: 'inactive', roles: [], notBefore: new Date().toISOString() });
      await until(async () => (await get('/me', token)).status === 401, 'the token is refused');
      expect((await get('/me', token)).body).toMatchObject({ reason: 'account_inactive', type: 'about:blank' });
      expect(await program.stop()).toBe(end);
    },
    LIMIT_MS,
  );
});
