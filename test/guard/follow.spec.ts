/** The view and the real feed on the Postgres carrier, with a role that may only read the log. */
import { jest } from '@jest/globals';
import { AccessGuard, busFeed, type AccessFeed, type AccessGuardOptions } from '#access-guard';
import { followerGrantsSql } from '#event-bus';
import { createLogger, provisionDatabase, Waiter } from '#platform';
import { randomUUID } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/waiting.js';
import { accessData, appendAccess, type AccessWrite } from './feeds.js';
import { Issuer } from './issuer.js';

const TENANT = randomUUID();
const PASSWORD = 'test-only-password';
const ROLE = 'guard_follower';
const logger = createLogger('test', 'silent');
let issuer: Issuer;
let db: TestDatabase;
let writer: Client;
let url: string;
const open: { close(): Promise<void> }[] = [];
const feeds: AccessFeed[] = [];

beforeAll(async () => {
  issuer = await Issuer.start();
  db = await createTestDatabase();
  writer = new Client({ connectionString: db.adminUrl });
  await writer.connect();
  await provisionDatabase(db.adminUrl, [{ role: ROLE, schema: ROLE, password: PASSWORD }], followerGrantsSql(ROLE));
  const target = new URL(db.adminUrl);
  target.username = ROLE;
  target.password = PASSWORD;
  url = target.href;
});
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(open.splice(0).map((o) => o.close()));
});
afterAll(async () => {
  await writer.end();
  await db.drop();
  await issuer.close();
});

function guardOn(feedUrl: string, options: Partial<AccessGuardOptions> = {}): AccessGuard {
  const feed = busFeed({ carrier: 'postgres', url: feedUrl }, { name: 'test', logger });
  feeds.push(feed);
  const guard = new AccessGuard({
    issuer: issuer.issuer,
    jwksUri: issuer.jwksUri,
    clientIds: [issuer.clientId],
    audience: null,
    feed,
    logger,
    ...options,
  });
  open.push(guard);
  guard.start();
  return guard;
}

const write = (accountId: string, sequence: number, change: Parameters<typeof accessData>[1] = {}): AccessWrite => ({
  tenantId: TENANT,
  accountId,
  sequence,
  data: accessData(accountId, change),
});

const live = (guard: AccessGuard) => until('live', () => guard.freshness().state === 'live');
const ask = (guard: AccessGuard, token: string) =>
  guard.authorize(`Bearer ${token}`).then(
    (a) => a.roles.join(),
    (e: { reason: string }) => e.reason,
  );

test('its role can read the log and nothing else', async () => {
  const reader = new Client({ connectionString: url });
  await reader.connect();
  await reader.query('select count(*) from bus.event_log');
  for (const sql of [
    'delete from bus.event_log',
    "insert into bus.event_log (topic) values ('x')",
    'select * from identity.account',
  ])
    await expect(reader.query(sql)).rejects.toThrow(/permission denied/);
  await reader.end();
});

test('reads the whole past first, page by page, and refuses everybody until then', async () => {
  const accounts = Array.from({ length: 11_000 }, () => randomUUID());
  for (let i = 0; i < accounts.length; i += 5_500)
    await appendAccess(
      writer,
      accounts.slice(i, i + 5_500).map((id) => write(id, 1)),
    );
  const [first = '', , last = ''] = [accounts[0], null, accounts.at(-1)];
  await appendAccess(writer, [write(first, 2, { status: 'inactive' }), write(last, 2, { roles: ['viewer'] })]);
  const guard = guardOn(url);
  expect(await ask(guard, issuer.accessToken(last))).toBe('view_not_ready');
  await live(guard);
  expect(guard.freshness().accounts).toBeGreaterThanOrEqual(11_000);
  for (const id of accounts.slice(1, -1))
    if (guard.view.get(id)?.status !== 'active') throw new Error(`${id} is missing`);
  expect(await ask(guard, issuer.accessToken(first))).toBe('account_inactive');
  expect(await ask(guard, issuer.accessToken(last))).toBe('viewer');
});

test('a forged record of another service lets nobody in', async () => {
  const [stranger, leaver] = [randomUUID(), randomUUID()];
  await appendAccess(writer, [
    { ...write(stranger, 1), service: 'scim-gateway' },
    write(leaver, 1),
    write(leaver, 2, { status: 'inactive' }),
    { ...write(leaver, 3), service: 'scim-gateway' },
  ]);
  const guard = guardOn(url);
  await live(guard);
  for (const account of [stranger, leaver])
    expect(await ask(guard, issuer.accessToken(account))).toMatch(/^account_(unreadable|inactive)$/);
});

test('warns if row security hides every account from its role', async () => {
  const hidden = await createTestDatabase();
  const lines: string[] = [];
  const listening = createLogger('test', 'warn', { write: (line) => void lines.push(line) });
  const admin = new Client({ connectionString: hidden.adminUrl });
  await admin.connect();
  await provisionDatabase(hidden.adminUrl, [], followerGrantsSql(ROLE));
  await appendAccess(admin, [write(randomUUID(), 1)]);
  const target = new URL(hidden.adminUrl);
  target.username = ROLE;
  target.password = PASSWORD;
  try {
    const seeing = guardOn(target.href, { logger: listening });
    await live(seeing);
    expect(await ask(seeing, issuer.accessToken(randomUUID()))).toBe('account_unknown');
    expect(lines).toEqual([]);
    await admin.query('drop policy readers on bus.event_log');
    const blind = guardOn(target.href, { logger: listening });
    await live(blind);
    for (let i = 0; i < 2; i++) expect(await ask(blind, issuer.accessToken(randomUUID()))).toBe('account_unknown');
    expect(lines).toEqual([expect.stringContaining('access_feed_empty')]);
  } finally {
    await Promise.all(open.splice(0).map((o) => o.close()));
    await admin.end();
    await hidden.drop();
  }
});

test('refuses a token right after a commit, because NOTIFY wakes the feed and no poll is needed', async () => {
  const waiter = jest.spyOn(Waiter.prototype, 'wait');
  const wait = waiter.getMockImplementation();
  waiter.mockImplementation(function (this: Waiter) {
    return wait?.call(this, 3_600_000) ?? Promise.resolve();
  });
  const guard = guardOn(url);
  await live(guard);
  for (let i = 0; i < 25; i++) {
    const id = randomUUID();
    const token = issuer.accessToken(id);
    await appendAccess(writer, [write(id, 1)]);
    await until('accepted', async () => (await ask(guard, token)) === 'itsm_agent');
    await appendAccess(writer, [write(id, 2, { status: 'inactive', roles: [], notBefore: new Date().toISOString() })]);
    await until('refused', async () => (await ask(guard, token)) === 'account_inactive');
  }
  // bench/guard.ts measures the times.
});

test('ignores older records and records of other types, and refuses an account whose record cannot be read', async () => {
  const guard = guardOn(url);
  await live(guard);
  const [alice, bob, marker] = [randomUUID(), randomUUID(), randomUUID()];
  await appendAccess(writer, [write(alice, 3, { status: 'inactive' }), write(alice, 2), write(bob, 1)]);
  await appendAccess(writer, [
    { ...write(bob, 2), data: { account: bob, status: 'suspended-by-a-newer-version' } },
    write(marker, 1),
  ]);
  await until('marker', () => guard.view.get(marker) !== undefined);
  await until('bob', () => guard.view.get(bob)?.status === 'unreadable');
  expect(guard.view.get(alice)).toMatchObject({ status: 'inactive', version: 3 });
  await appendAccess(writer, [write(bob, 3)]);
  await until('bob again', () => guard.view.get(bob)?.status === 'active');
});

test('proves that the view is complete although nothing happens', async () => {
  const guard = guardOn(url, { policy: { stale: { afterMs: 600 } } });
  await live(guard);
  for (let proof = 1; proof <= 5; proof++) {
    const last = feeds.at(-1)?.completeAt() ?? Infinity;
    await until('a later proof', () => (feeds.at(-1)?.completeAt() ?? 0) > last);
    await live(guard);
  }
});

describe('a feed that goes silent', () => {
  test('makes the view stale, refuses old tokens, and later delivers everything that was missed', async () => {
    const proxy = await Proxy.start(url);
    const guard = guardOn(proxy.url, { policy: { stale: { afterMs: 700, acceptTokensYoungerThanMs: 300_000 } } });
    await live(guard);
    const [alice, bob] = [randomUUID(), randomUUID()];
    await appendAccess(writer, [write(alice, 1), write(bob, 1)]);
    await until('both', () => guard.view.get(bob) !== undefined && guard.view.get(alice) !== undefined);
    const iat = Math.floor(Date.now() / 1000);
    const [old, young] = [issuer.accessToken(alice, { iat: iat - 301 }), issuer.accessToken(alice, { iat })];
    const bobs = issuer.accessToken(bob);
    await until('live', async () => (await ask(guard, old)) === 'itsm_agent');

    await proxy.cut();
    await appendAccess(writer, [write(bob, 2, { status: 'inactive' })]);
    await until('stale', () => guard.freshness().state === 'stale');
    expect([await ask(guard, old), await ask(guard, young)]).toEqual(['token_too_old_for_stale_view', 'itsm_agent']);
    expect(await ask(guard, bobs)).toBe('itsm_agent'); // the price of the setting: this guard has not read the newer record

    await proxy.restore();
    await live(guard);
    expect([await ask(guard, old), await ask(guard, bobs)]).toEqual(['itsm_agent', 'account_inactive']);
  });

  test('is noticed even if the connection hangs without an error', async () => {
    const proxy = await Proxy.start(url);
    const guard = guardOn(proxy.url, { policy: { stale: { afterMs: 700 } } });
    await live(guard);
    proxy.freeze();
    await until('stale', () => guard.freshness().state === 'stale');
    await until('live', () => guard.freshness().state === 'live', 15_000);
  });
});

/** A proxy between the guard and Postgres, which can refuse connections or drop everything silently. */
class Proxy {
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();
  private frozen: ReadonlySet<Socket> = new Set();
  private port = 0;

  private constructor(private readonly target: URL) {}

  static async start(target: string): Promise<Proxy> {
    const proxy = new Proxy(new URL(target));
    await proxy.restore();
    open.push({ close: () => proxy.cut() });
    return proxy;
  }

  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${this.port}`;
    return url.href;
  }

  /** Open connections stay open but carry no more data; new connections work. */
  freeze(): void {
    this.frozen = new Set(this.sockets);
  }

  async cut(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const { server } = this;
    this.server = undefined;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async restore(): Promise<void> {
    if (this.server) return;
    this.server = createServer((inbound) => {
      const outbound = connect(Number(this.target.port), this.target.hostname);
      for (const [from, to] of [
        [inbound, outbound],
        [outbound, inbound],
      ] as const) {
        this.sockets.add(from);
        from.on('data', (chunk: Buffer) => void (this.frozen.has(from) || to.write(chunk)));
        from.on('error', () => undefined);
        from.on('close', () => {
          if (!this.frozen.has(from)) to.destroy();
          this.sockets.delete(from);
        });
      }
    });
    await new Promise<void>((resolve) => this.server?.listen(this.port, '127.0.0.1', resolve));
    const address = this.server.address();
    if (typeof address === 'object' && address) this.port = address.port;
  }
}
