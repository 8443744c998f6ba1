/** The copy of the settings in a consuming service, on real Postgres with the gateway's role and schema. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Database, type Queryable } from '#platform';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { TenantSettingsCache } from './cache.js';
import { applySettings, settingsOf, settingsTableSql, type SettingsEvent } from './copy.sql.js';
import { defaultSettings } from './defaults.js';
import { commonOriginOwner } from './tenant-host.js';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = await Database.connect({ url: testDatabase.adminUrl, schema: 'directory' });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const event = (tenantId: string, sequence: number, scimEnabled = true): SettingsEvent => ({
  tenant: tenantId,
  sequence,
  data: {
    tenant: { id: tenantId, slug: `t-${tenantId}`, host: `v${sequence}.example.com` },
    ...defaultSettings(),
    scimEnabled,
    scimToken: null,
  },
});
const apply = (e: SettingsEvent) => database.tx((tx) => applySettings(tx, e));

describe("a service's copy of the settings", () => {
  it('has the content of the last event', async () => {
    const id = randomUUID();
    expect(await settingsOf(database, 'directory', id)).toBeNull();
    expect(await apply(event(id, 1))).toBe(true);
    expect(await apply(event(id, 2, false))).toBe(true);
    expect(await settingsOf(database, 'directory', id)).toEqual({
      tenantId: id,
      slug: `t-${id}`,
      host: 'v2.example.com',
      version: 2,
      settings: event(id, 2, false).data,
    });
  });

  it('ignores repeated and older events, in whatever order they come', async () => {
    const id = randomUUID();
    await apply(event(id, 5, true));
    for (const old of [5, 4, 1]) expect(await apply(event(id, old, false))).toBe(false);
    expect(await settingsOf(database, 'directory', id)).toMatchObject({ version: 5, settings: { scimEnabled: true } });
  });

  it('lets a host name move between tenants although the events may come in the wrong order', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    await apply(event(a, 1));
    expect(await apply(event(b, 1))).toBe(true);
  });

  it('is rolled back with the transaction of the handler', async () => {
    const id = randomUUID();
    await expect(
      database.tx(async (tx) => {
        await applySettings(tx, event(id, 1));
        throw new Error('the handler failed');
      }),
    ).rejects.toThrow('the handler failed');
    expect(await settingsOf(database, 'directory', id)).toBeNull();
  });

  it('refuses a schema name that is not a plain identifier', () => {
    expect(() => settingsTableSql('x; drop schema hub')).toThrow('not a plain schema name');
  });
});

describe('the cache of the settings', () => {
  const counting = () => {
    const counter = { reads: 0, broken: false };
    const queryable: Queryable = {
      query: (sql, values) => {
        if (counter.broken) return Promise.reject(new Error('database is down'));
        if (JSON.stringify(sql).includes('tenant_settings')) counter.reads++;
        return database.query(sql, values);
      },
    };
    return { counter, queryable };
  };

  it('answers from memory: one query serves all callers, for known and unknown tenants', async () => {
    const id = randomUUID();
    await apply(event(id, 1));
    const { counter, queryable } = counting();
    const cache = new TenantSettingsCache({ database: queryable, schema: 'directory' });
    const answers = await Promise.all([cache.get(id), cache.get(id), cache.get(randomUUID())]);
    expect(answers.map((a) => a?.version)).toEqual([1, 1, undefined]);
    for (let i = 0; i < 100; i++) expect(await cache.get(randomUUID())).toBeNull();
    expect(counter.reads).toBe(1);
  });

  it('shows an event that this process handled at once, and never an older one after it', async () => {
    const id = randomUUID();
    const seen: [number, number | undefined][] = [];
    const cache = new TenantSettingsCache({ database, schema: 'directory' });
    cache.onChange((now, before) => now.tenantId === id && seen.push([now.version, before?.version]));
    await cache.get(id);
    cache.accept(event(id, 2));
    cache.accept(event(id, 1));
    cache.accept(event(id, 3));
    expect((await cache.get(id))?.version).toBe(3);
    expect(seen).toEqual([
      [2, undefined],
      [3, 2],
    ]);
  });

  it('shows the write of another replica within the polling interval', async () => {
    const id = randomUUID();
    await apply(event(id, 1));
    const cache = new TenantSettingsCache({ database, schema: 'directory', pollMs: 50 });
    expect((await cache.get(id))?.version).toBe(1);
    await apply(event(id, 2));
    await pause(60);
    expect((await cache.get(id))?.version).toBe(2);
  });

  it('finds a write whose time stamp is much older than its commit', async () => {
    const id = randomUUID();
    const cache = new TenantSettingsCache({ database, schema: 'directory', pollMs: 1 });
    await database.tx(async (tx) => {
      await applySettings(tx, event(id, 1));
      await pause(30);
      expect(await cache.get(id)).toBeNull();
      await pause(30);
    });
    await pause(5);
    expect((await cache.get(id))?.version).toBe(1);
  });

  it('rejects when its copy is too old and the database is down, and recovers', async () => {
    const id = randomUUID();
    await apply(event(id, 1));
    const { counter, queryable } = counting();
    const cache = new TenantSettingsCache({ database: queryable, schema: 'directory', pollMs: 20 });
    await cache.get(id);
    counter.broken = true;
    await pause(30);
    await expect(cache.get(id)).rejects.toThrow('database is down');
    counter.broken = false;
    expect((await cache.get(id))?.version).toBe(1);
  });

  it('finds tenants by host name, without regard to case and port, and follows a host name that moves', async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const host = `${a}.example.com`;
    const at = (tenantId: string, sequence: number, ofTenant: string | null): SettingsEvent => {
      const { data } = event(tenantId, sequence);
      return { tenant: tenantId, sequence, data: { ...data, tenant: { ...data.tenant, host: ofTenant } } };
    };
    const cache = new TenantSettingsCache({ database, schema: 'directory' });
    const owners = async (name: string) => (await cache.ofHost(name)).map((copy) => copy.tenantId);
    cache.accept(at(a, 1, host));
    expect(await owners(`${host.toUpperCase()}:8443`)).toEqual([a]);
    expect(await owners('nobody.example.com')).toEqual([]);
    cache.accept(at(b, 1, host)); // its event came before the one that takes the host name away from the first tenant
    expect(await owners(host)).toEqual([a, b]);
    cache.accept(at(a, 2, null));
    expect(await owners(host)).toEqual([b]);
    expect((await cache.all()).map((copy) => copy.tenantId)).toEqual(expect.arrayContaining([a, b]));
  });
});

describe('the owner of the common origin', () => {
  const tenant = (slug: string, host: string | null = null) => ({ slug, host });

  it('is the only tenant without a host name', () => {
    expect(commonOriginOwner([tenant('a', 'a.example.com'), tenant('b')])?.slug).toBe('b');
  });

  it('is the tenant called default if several have no host name', () => {
    expect(commonOriginOwner([tenant('a'), tenant('default'), tenant('c')])?.slug).toBe('default');
  });

  it('is no tenant if several have no host name and none of these is called default', () => {
    expect(commonOriginOwner([tenant('a'), tenant('b'), tenant('default', 'd.example.com')])).toBeNull();
    expect(commonOriginOwner([])).toBeNull();
  });
});
