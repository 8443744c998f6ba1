/** SCIM tokens in the sandbox's Secrets Manager, which keeps stages, versions and signatures as AWS does. */
import { sandboxMigrations as migrations } from '../../apps/sandbox/src/migrations.js';
import { createSecretsManager } from '../../apps/sandbox/src/secrets/secrets-manager.js';
import { createLogger, Database } from '#platform';
import { ScimTokenVerifier, scimTokenSecretName, SecretStore } from '#secrets';
import { BY, HubUnderTest, type RunningHub } from './hub.js';

const REGION = 'us-east-1';
const credentials = { accessKeyId: 'x', secretAccessKey: 'x' };
const HOUR = 3_600_000;

let hub: HubUnderTest;
let replica: RunningHub;
let database: Database;
let sandbox: Awaited<ReturnType<typeof createSecretsManager>>;
let store: SecretStore;
beforeAll(async () => {
  hub = await HubUnderTest.start();
  database = await Database.connect({ url: hub.database.url('sandbox'), schema: 'sandbox', migrations });
  await database.migrate();
  sandbox = await createSecretsManager(database, createLogger('sandbox', 'silent'), REGION);
  const endpoint = await sandbox.listen({ port: 0, host: '127.0.0.1' });
  replica = await hub.replica({ SECRETS_MANAGER_ENDPOINT: endpoint, AWS_REGION: REGION });
  store = new SecretStore({ region: REGION, endpoint, credentials });
});
afterAll(async () => {
  store.close();
  await replica.stop();
  await sandbox.close();
  await database.close();
  await hub.stop();
});

it('issues a token, rotates it twice with grace, and at last revokes the older ones', async () => {
  let now = Date.now();
  const verifier = new ScimTokenVerifier({ store, isKnownTenant: () => true, now: () => now });
  const which = async (token: string) => {
    now += 3_000; // past the pause between two reads of one tenant's secret
    return (await verifier.verify(`Bearer ${token}`))?.which;
  };
  const rotate = async (graceMs: number) =>
    (await replica.client.rotateScimToken('acme', { by: BY, graceMs })).scimToken?.secret ?? '';

  const { tenant, scimToken } = await replica.client.create({ slug: 'acme', by: BY });
  const first = scimToken?.secret ?? '';
  expect(await which(first)).toBe('current');

  const second = await rotate(2 * HOUR);
  expect(await which(second)).toBe('current');
  expect(await which(first)).toBe('previous');

  const third = await rotate(2 * HOUR);
  expect([await which(third), await which(second), await which(first)]).toEqual(['current', 'previous', 'previous']);

  const fourth = await rotate(0);
  expect([await which(fourth), await which(third), await which(second), await which(first)]).toEqual([
    'current',
    undefined,
    undefined,
    undefined,
  ]);
  expect(JSON.parse((await store.read(scimTokenSecretName(tenant.id), 'AWSPREVIOUS')) ?? '{}')).toHaveProperty('hash');
});

it('distinguishes a secret that does not exist from a store that does not answer', async () => {
  expect(await store.read('stackflow/none/scim-token')).toBeNull();
  const unreachable = new SecretStore({ region: REGION, endpoint: 'http://127.0.0.1:9', credentials, timeoutMs: 200 });
  await expect(unreachable.read('stackflow/none/scim-token')).rejects.toMatchObject({
    name: 'SecretStoreUnavailable',
    retryable: true,
  });
  unreachable.close();
});

it('changes nothing when a secret is created a second time', async () => {
  expect(await store.create('once', '1')).toBe(true);
  expect(await store.create('once', '2')).toBe(false);
  expect(await store.read('once')).toBe('1');
});
