/** The real AWS SDK against a stand-in of Secrets Manager on a real socket. The test sets the clock. */
import { randomUUID } from 'node:crypto';
import { FakeSecretsManager } from '../../../test/tenants/secrets-manager.js';
import { eraseOktaSecret, oktaSecretName, readOktaSecret, writeOktaSecret } from './okta-secret.js';
import { OktaSecrets, type OktaSecretsOptions } from './okta-secrets.js';
import { SecretStore, SecretStoreUnavailable } from './store.js';

const HOUR = 3_600_000;

let fake: FakeSecretsManager;
let store: SecretStore;
let tenant: string;
let now: number;

const write = (apiToken: string, rotateHookSecret = false, graceMs = HOUR) =>
  writeOktaSecret(store, tenant, { apiToken, rotateHookSecret, graceMs }, now);
const secrets = (options: Partial<OktaSecretsOptions> = {}) => new OktaSecrets({ store, now: () => now, ...options });
const goodNow = async (): Promise<string[]> =>
  ((await readOktaSecret(store, tenant))?.hookSecrets ?? []).filter((s) => s.validUntil > now).map((s) => s.secret);

beforeAll(() => {
  process.env.AWS_ACCESS_KEY_ID ??= 'test';
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test';
});
beforeEach(async () => {
  fake = new FakeSecretsManager();
  store = new SecretStore({ region: 'eu-central-1', endpoint: await fake.start(), timeoutMs: 300 });
  tenant = randomUUID();
  now = Date.now();
});
afterEach(async () => {
  store.close();
  await fake.stop();
});

describe("a tenant's Okta credentials", () => {
  it('are issued with a hook secret, which a new API token does not change', async () => {
    const first = await write('token-1');
    expect(first.hookSecret).toMatch(/^sfh1\.[A-Za-z0-9_-]{43}$/);
    expect(await write('token-2')).toEqual({ hookSecret: null, previousValidUntil: null });
    expect(await readOktaSecret(store, tenant)).toEqual({
      apiToken: 'token-2',
      hookSecrets: [{ secret: first.hookSecret, validUntil: Infinity }],
    });
  });

  it('accept the old hook secret during its grace, however many versions follow', async () => {
    const { hookSecret: first } = await write('t');
    const { hookSecret: second } = await write('t', true);
    await write('new-token');
    await write('newer-token');
    expect(await goodNow()).toEqual([second, first]);
    now += HOUR;
    expect(await goodNow()).toEqual([second]);
  });

  it('accept the old hook secret also after a repeated rotation, and no old one after a rotation without grace', async () => {
    const { hookSecret: inOkta } = await write('t');
    await write('t', true);
    const { hookSecret: third } = await write('t', true);
    expect(await goodNow()).toContain(inOkta);
    const { hookSecret: last } = await write('t', true, 0);
    expect(await goodNow()).toEqual([last]);
    expect(third).not.toBe(last);
  });

  it('have a limited size under endless rotation', async () => {
    for (let i = 0; i < 12; i++) await write('t', true);
    expect(await goodNow()).toHaveLength(6);
  });

  it('are erased at both stages by a disconnection, and get another hook secret when connected again', async () => {
    const { hookSecret } = await write('gone-token');
    await eraseOktaSecret(store, tenant);
    expect(await readOktaSecret(store, tenant)).toBeNull();
    for (const stage of ['AWSCURRENT', 'AWSPREVIOUS'] as const)
      expect(await store.read(oktaSecretName(tenant), stage)).not.toContain('gone-token');
    expect((await write('t')).hookSecret).not.toBe(hookSecret);
    expect(await goodNow()).toHaveLength(1);
  });

  it('can be erased although there never were any', async () => {
    await eraseOktaSecret(store, tenant);
    expect(fake.values(oktaSecretName(tenant))).toEqual([]);
  });

  it('count as an outage if they cannot be parsed, and are not quoted', async () => {
    fake.seed(oktaSecretName(tenant), '{"apiToken":"do-not-print-me"}');
    const error = await readOktaSecret(store, tenant).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(SecretStoreUnavailable);
    expect(String(error)).not.toContain('do-not-print-me');
  });
});

describe('the cache of credentials', () => {
  const reads = () => fake.calls.filter((c) => c.startsWith('GetSecretValue')).length;

  it('reads once per minute, however many callers there are', async () => {
    await write('t');
    const memory = secrets();
    fake.calls.length = 0;
    await Promise.all(Array.from({ length: 20 }, () => memory.get(tenant)));
    expect(reads()).toBe(1);
    now += 60_000;
    await memory.get(tenant);
    expect(reads()).toBe(2);
  });

  it('reads again on request, at most once in 2 s, also if there are no credentials', async () => {
    const memory = secrets();
    expect(await memory.get(tenant)).toBeNull();
    fake.calls.length = 0;
    for (let i = 0; i < 50; i++) {
      await memory.renewed(tenant);
      now += 100;
    }
    expect(reads()).toBe(2);
    await write('t');
    now += 2_000;
    expect((await memory.renewed(tenant))?.apiToken).toBe('t');
  });

  it('forgets a tenant whose settings changed', async () => {
    await write('old');
    const memory = secrets();
    await memory.get(tenant);
    await write('new');
    expect((await memory.get(tenant))?.apiToken).toBe('old');
    memory.invalidate(tenant);
    expect((await memory.get(tenant))?.apiToken).toBe('new');
  });

  it('answers for an hour while the store is down, and then reports an outage, not a missing connection', async () => {
    await write('t');
    const errors: unknown[] = [];
    const memory = secrets({ onStoreError: (_, error) => errors.push(error) });
    await memory.get(tenant);
    fake.mode = 'error';
    now += HOUR - 2_000;
    fake.calls.length = 0;
    for (let i = 0; i < 10; i++) expect((await memory.get(tenant))?.apiToken).toBe('t');
    expect(errors).toHaveLength(1);
    expect(reads()).toBe(2); // one question; the SDK tries it twice
    now += 2_000;
    await expect(memory.get(tenant)).rejects.toBeInstanceOf(SecretStoreUnavailable);
    await expect(memory.get(tenant)).rejects.toBeInstanceOf(SecretStoreUnavailable);
    fake.mode = 'ok';
    now += 2_000;
    expect((await memory.get(tenant))?.apiToken).toBe('t');
  });

  it('has a limited size and drops the least recently used tenant first', async () => {
    const memory = secrets({ maxTenants: 2 });
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    for (const id of [a, b, a, c]) await memory.get(id);
    fake.calls.length = 0;
    await memory.get(a);
    expect(reads()).toBe(0);
    await memory.get(b);
    expect(reads()).toBe(1);
  });
});
